import { Problem } from "@turnpike/contract/problem.ts";
import {
  changeUpload,
  createUpload,
  listUploads,
  readUpload,
  toUploadReply,
} from "../metering/usage-uploads.ts";
import { enqueue } from "../jobs/queue.ts";
import { FileReply, type Handlers } from "./handler.ts";
import { ofLength } from "./streams.ts";

const uploadSeconds = 60;

const pathOf = (orgId: string, id: string): string => `/files/measurements/${orgId}/${id}`;

export const generateMeasurementUploadUrl: Handlers["generateMeasurementUploadUrl"] = async (
  { orgId, body, origin },
  { database, links, now },
) => {
  const jobId = await createUpload(database, orgId, { at: now(), ...body });
  const url = links.sign(origin, pathOf(orgId, jobId), { seconds: uploadSeconds });
  return { jobId, url, headers: { "Content-Type": body.contentType } };
};

export const listMeasurementUploads: Handlers["listMeasurementUploads"] = (
  { orgId, query },
  { database },
) => {
  const { dateCreatedStart: from, dateCreatedEnd: before, ...page } = query;
  return listUploads(database, orgId, { ...page, from, before });
};

export const getMeasurementUpload: Handlers["getMeasurementUpload"] = async (
  { orgId, params },
  { database },
) => toUploadReply(await readUpload(database, { orgId, id: params["id"] ?? "" }));

export const getMeasurementUploadOriginal: Handlers["getMeasurementUploadOriginal"] = async (
  { orgId, params, origin },
  { database, links },
) => {
  const { id } = await readUpload(database, { orgId, id: params["id"] ?? "" });
  return { jobId: id, url: links.sign(origin, `${pathOf(orgId, id)}/original`), headers: {} };
};

/** A file is uploaded once; what is in it is read behind the answer. */
export const uploadMeasurementFile: Handlers["uploadMeasurementFile"] = async (
  { params, query, stream },
  { database, files, links },
) => {
  const { orgId = "", id = "" } = params;
  links.check(pathOf(orgId, id), query);
  const key = { orgId, id };
  const upload = await readUpload(database, key);
  const uploaded = new Problem("RULE_VIOLATED", [
    { field: "status", message: "is no longer notUploaded" },
  ]);
  if (upload.status !== "notUploaded") throw uploaded;
  const name = await files.write(ofLength(stream, Number(upload.content_length)));
  const isFirst = await database.transaction().execute(async (transaction) => {
    const to = { status: "running", stored_as: name } as const;
    const isTaken = await changeUpload(transaction, key, { from: "notUploaded", to });
    if (isTaken) await enqueue(transaction, "usage-upload", key);
    return isTaken;
  });
  if (isFirst) return "";
  await files.remove(name);
  throw uploaded;
};

export const downloadMeasurementFile: Handlers["downloadMeasurementFile"] = async (
  { params, query },
  { database, files, links },
) => {
  const { orgId = "", id = "" } = params;
  links.check(`${pathOf(orgId, id)}/original`, query);
  const upload = await readUpload(database, { orgId, id });
  if (upload.stored_as === null) throw new Problem("NOT_FOUND");
  return new FileReply({
    name: `${id}.json`,
    contentType: upload.content_type,
    body: files.read(upload.stored_as),
  });
};
