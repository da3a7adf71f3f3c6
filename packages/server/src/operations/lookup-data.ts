import { lookupItemsMax } from "@turnpike/contract/catalog/operations.ts";
import { lookupTableRevision } from "@turnpike/contract/catalog/lookup-table-revision.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { newJob } from "../resources/lookup-jobs.ts";
import {
  checkDraft,
  checkItem,
  copyItems,
  keyInPath,
  keyOf,
  lockTable,
  putItems,
  readData,
  removeItems,
  type Revision,
  revisionInPath,
  touchData,
} from "../resources/lookup-data.ts";
import type { Writer } from "../resources/writer.ts";
import type { Handlers, World } from "./handler.ts";

interface Asked {
  readonly orgId: string;
  readonly principal: string;
  readonly params: Readonly<Record<string, string>>;
}

const showsKey = (additional: readonly string[] | undefined): boolean =>
  additional?.includes("lookupKey") ?? false;

export const getLookupData: Handlers["getLookupData"] = async (
  { orgId, params, query },
  { database },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const { limit, additional } = query;
  return readData(database, { orgId, revision, limit, showsKey: showsKey(additional) });
};

/** Changes the data of a draft, one writer of a table at a time. */
const changeData = <T>(
  { orgId, principal, params }: Asked,
  { catalog }: World,
  work: (writer: Writer, revision: Revision) => Promise<T>,
): Promise<T> =>
  catalog.change({ orgId, principal }, async (writer) => {
    const { transaction } = writer;
    await lockTable(transaction, orgId, await revisionInPath(transaction, orgId, params));
    const revision = await revisionInPath(transaction, orgId, params);
    checkDraft(revision);
    return work(writer, revision);
  });

export const putLookupData: Handlers["putLookupData"] = (request, world) =>
  changeData(request, world, async ({ transaction, at }, revision) => {
    const { orgId, principal, body, query } = request;
    const items = body.items.map((item, index) => checkItem(revision, item, `items[${index}]`));
    await touchData(transaction, { orgId, revision, principal, at, version: body.version });
    await removeItems(transaction, { orgId, revision });
    await putItems(transaction, { orgId, revision }, items);
    const wanted = { limit: lookupItemsMax, showsKey: showsKey(query.additional) };
    return readData(transaction, { orgId, revision, ...wanted });
  });

export const deleteLookupData: Handlers["deleteLookupData"] = (request, world) =>
  changeData(request, world, async ({ transaction }, revision) => {
    const { orgId } = request;
    const count = await removeItems(transaction, { orgId, revision });
    await transaction
      .deleteFrom("lookup_data")
      .where("org_id", "=", orgId)
      .where("revision_id", "=", revision.id)
      .execute();
    return { result: `${count} items deleted` };
  });

export const getLookupDataEntry: Handlers["getLookupDataEntry"] = async (
  { orgId, params },
  { database },
) => {
  const revision = await revisionInPath(database, orgId, params);
  const key = keyInPath(revision, params["lookupKey"] ?? "");
  const data = await readData(database, { orgId, revision, limit: 1, key });
  if (!Array.isArray(data["items"]) || data["items"].length === 0) throw new Problem("NOT_FOUND");
  return data;
};

export const putLookupDataEntry: Handlers["putLookupDataEntry"] = (request, world) =>
  changeData(request, world, async ({ transaction, at }, revision) => {
    const { orgId, principal, params, body, query } = request;
    const item = checkItem(revision, body.item, "item");
    const key = keyInPath(revision, params["lookupKey"] ?? "");
    if (keyOf(revision, item) !== key) {
      throw fieldProblem("RULE_VIOLATED", "item", "has other keys than the path");
    }
    await touchData(transaction, { orgId, revision, principal, at, version: body.version });
    await removeItems(transaction, { orgId, revision }, key);
    await putItems(transaction, { orgId, revision }, [item]);
    const wanted = { limit: 1, key, showsKey: showsKey(query.additional) };
    return readData(transaction, { orgId, revision, ...wanted });
  });

export const deleteLookupDataEntry: Handlers["deleteLookupDataEntry"] = (request, world) =>
  changeData(request, world, async ({ transaction, at }, revision) => {
    const { orgId, principal, params, body } = request;
    const key = keyInPath(revision, params["lookupKey"] ?? "");
    const data = await readData(transaction, { orgId, revision, limit: 1, key });
    if ((await removeItems(transaction, { orgId, revision }, key)) === 0) {
      throw new Problem("NOT_FOUND");
    }
    await touchData(transaction, { orgId, revision, principal, at, version: body.version });
    return data;
  });

const schemaOf = ({ fields, keys }: Revision): string => JSON.stringify([fields, keys]);

/** The revision that a copy fills: the one that is named, or a new one like its source. */
const copyTarget = async (
  writer: Writer,
  source: Revision,
  revisionId: string | undefined,
): Promise<Revision> => {
  const { orgId } = writer.caller;
  const at = { lookupTableId: source.lookupTableId };
  if (revisionId === undefined) {
    const row = await writer.create(lookupTableRevision, {
      ...source,
      name: `${source.name} Copy`.slice(0, 200),
    });
    return revisionInPath(writer.transaction, orgId, { ...at, id: row.id });
  }
  const target = await revisionInPath(writer.transaction, orgId, { ...at, id: revisionId });
  checkDraft(target);
  if (schemaOf(target) === schemaOf(source)) return target;
  throw fieldProblem("RULE_VIOLATED", "revisionId", "has another schema than the source");
};

export const copyLookupData: Handlers["copyLookupData"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const { transaction, at } = writer;
    const source = await revisionInPath(transaction, orgId, params);
    await lockTable(transaction, orgId, source);
    const revision = await copyTarget(writer, source, body.revisionId);
    const { version } = await readData(transaction, { orgId, revision, limit: 1 });
    const known = typeof version === "number" ? { version } : {};
    await touchData(transaction, { orgId, revision, principal, at, ...known });
    await removeItems(transaction, { orgId, revision });
    await copyItems(transaction, { orgId, from: source.id, to: revision.id });
    const { id } = await newJob(transaction, {
      orgId,
      revision: source,
      at,
      job: { type: "COPY", status: "SUCCEEDED", destination_id: revision.id },
    });
    return { jobId: id };
  });
