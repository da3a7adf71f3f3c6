/** A bearer token of the server for the first service user. */
export const tokenOf = async (
  url: string,
  { accessKey, apiSecret }: { accessKey: string; apiSecret: string },
): Promise<string> => {
  const basic = Buffer.from(`${accessKey}:${apiSecret}`).toString("base64");
  const response = await fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${basic}`, "content-type": "application/json" },
    body: JSON.stringify({ grant_type: "client_credentials" }),
  });
  const { access_token: token }: { access_token: string } = JSON.parse(await response.text());
  return token;
};
