import { listAuditEntries } from "../access/audit-log.ts";
import type { Handlers } from "./handler.ts";

export const listAuditLog: Handlers["listAuditLog"] = ({ orgId, query }, { database }) => {
  const { pageSize, nextToken, ...filter } = query;
  return listAuditEntries(database, orgId, { filter, pageSize, nextToken });
};
