import { z } from "zod";
import type { Api } from "./api.ts";

const named = z.object({ id: z.string(), name: z.string() });
const key = z.object({ accessKey: z.string(), serviceUserId: z.string(), dtCreated: z.string() });
const keys = z.object({ data: z.array(key) });

/** The policy of that name or id; an error lists the names there are. */
const findPolicy = async (api: Api, wanted: string): Promise<string> => {
  const policies = z.array(named).parse(await api.list("permissionpolicies"));
  const found = policies.filter(({ id, name }) => id === wanted || name === wanted);
  const [policy] = found;
  if (policy !== undefined && found.length === 1) return policy.id;
  const reason = found.length === 0 ? "There is no policy" : "There are several policies";
  throw new Error(`${reason} ${wanted}; known are: ${policies.map(({ name }) => name).join(", ")}`);
};

const keysOf = async (api: Api, serviceUserId: string) =>
  keys.parse(await api.call("GET", `serviceusers/${serviceUserId}/keys`)).data;

/** A new service user with one key and one policy. The reply holds the secret, and nothing else ever will. */
export const createKey = async (
  api: Api,
  { name, policy }: { name: string; policy: string },
): Promise<unknown> => {
  const policyId = await findPolicy(api, policy);
  const user = named.parse(await api.call("POST", "serviceusers", { name }));
  await api.call("POST", `permissionpolicies/${policyId}/addtoserviceuser`, {
    principalId: user.id,
  });
  return api.call("POST", `serviceusers/${user.id}/keys`);
};

/** Every service user with its keys, without secrets. */
export const listKeys = async (api: Api): Promise<unknown> => {
  const users = z.array(named).parse(await api.list("serviceusers"));
  const listed: unknown[] = [];
  for (const { id, name } of users) {
    const held = await keysOf(api, id);
    const shown = held.map(({ accessKey, dtCreated }) => ({ accessKey, dtCreated }));
    listed.push({ serviceUserId: id, name, keys: shown });
  }
  return listed;
};

/** Deletes a key, whoever holds it. */
export const deleteKey = async (api: Api, accessKey: string): Promise<unknown> => {
  const users = z.array(named).parse(await api.list("serviceusers"));
  for (const { id } of users) {
    const held = await keysOf(api, id);
    if (!held.some((one) => one.accessKey === accessKey)) continue;
    return api.call("DELETE", `serviceusers/${id}/keys/${accessKey}`);
  }
  throw new Error(`There is no key ${accessKey}`);
};
