import { request } from "node:http";
import { expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./client.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const link = z.object({ url: z.string() });

/** Serves the cases and stops. */
const withServer = async (
  settings: Readonly<Record<string, string>>,
  cases: (server: ServerProcess) => Promise<void>,
): Promise<void> => {
  const folder = await newFolder();
  try {
    const server = await startServer(folder, settings);
    await cases(server).finally(() => server.stop());
  } finally {
    await removeFolder(folder);
  }
};

/** The link that a request with that Host header gets. */
const linkFor = async (server: ServerProcess, host: string): Promise<URL> => {
  const { bearer } = await connect(server);
  const path = "fileuploads/measurements/generateUploadUrl";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(`${server.url}/organizations/${server.orgId}/${path}`, {
    method: "POST",
    setHost: false,
    headers: { host, authorization: `Bearer ${bearer}`, "content-type": "application/json" },
  });
  sent.on("error", reject).on("response", (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.on("end", () => resolve(text));
  });
  sent.end(
    JSON.stringify({ contentType: "application/json", contentLength: 2, fileName: "usage.json" }),
  );
  return new URL(link.parse(JSON.parse(await promise)).url);
};

const hostile = [
  "evil.example.com",
  "evil.example.com/path?",
  "user:word@evil.example.com",
  "[",
  "a b",
];

test("links begin with the public URL, whatever the Host header says", async () => {
  const settings = { TURNPIKE_PUBLIC_URL: "https://billing.example.com/usage/" };
  await withServer(settings, async (server) => {
    for (const host of ["billing.example.com", ...hostile]) {
      const { origin, pathname, search } = await linkFor(server, host);
      expect([host, origin]).toEqual([host, "https://billing.example.com"]);
      expect(pathname).toMatch(/^\/usage\/files\/measurements\//);
      // As the proxy passes it on, the link opens: 400 is for what was uploaded, 403 for a link that is not ours.
      const opened = await fetch(`${server.url}${pathname.replace("/usage", "")}${search}`, {
        method: "PUT",
        body: "{}",
      });
      expect(opened.status).not.toBe(403);
    }
  });
});

test("without one, links begin with the Host header, and with our address where that is none", async () => {
  await withServer({}, async (server) => {
    const { host } = new URL(server.url);
    expect((await linkFor(server, host)).origin).toBe(server.url);
    expect((await linkFor(server, "billing.example.com:8443")).origin).toBe(
      "http://billing.example.com:8443",
    );
    for (const malformed of hostile.slice(1)) {
      expect([malformed, (await linkFor(server, malformed)).host]).toEqual([malformed, host]);
    }
  });
});

test.each(["billing.example.com", "ftp://billing.example.com", "https://a.example.com/?x=1"])(
  "a server does not start with the public URL %s",
  async (url) => {
    const started = withServer({ TURNPIKE_PUBLIC_URL: url }, () => Promise.resolve());
    await expect(started).rejects.toThrow("TURNPIKE_PUBLIC_URL must be");
  },
);
