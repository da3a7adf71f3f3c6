import { billsDownload } from "@turnpike/contract/billing/bills-download.ts";
import { validate } from "@turnpike/contract/validation.ts";
import { queryBillData as queryData } from "../billing/bill-data.ts";
import { billsCsv, checkBillsCsv } from "../billing/bills-csv.ts";
import { FileReply, type Handlers } from "./handler.ts";

const pathOf = (orgId: string): string => `/downloads/${orgId}/bills.csv`;

/** The file is made when the link is opened; what is too large is refused now. */
export const downloadBillsCsv: Handlers["downloadBillsCsv"] = async (
  { orgId, origin, body },
  { database, links },
) => {
  await checkBillsCsv(database, orgId, body);
  return { downloadUrl: links.sign(origin, pathOf(orgId), { query: body }) };
};

export const openBillsCsv: Handlers["openBillsCsv"] = async (
  { params, query },
  { database, links },
) => {
  const orgId = params["orgId"] ?? "";
  links.check(pathOf(orgId), query);
  const selection = validate(billsDownload, query);
  const body = await billsCsv(database, orgId, selection);
  const { startDate, externalInvoiceDateStart } = selection;
  const name = `bills-${startDate ?? externalInvoiceDateStart}.csv`;
  return new FileReply({ name, contentType: "text/csv; charset=utf-8", body });
};

export const queryBillData: Handlers["queryBillData"] = ({ orgId, body }, { database }) =>
  queryData(database, orgId, body);
