import * as accountPlans from "./account-plans.ts";
import { listAuditLog } from "./audit-log.ts";
import { generateToken } from "./auth.ts";
import * as balances from "./balances.ts";
import * as billApprovals from "./bill-approvals.ts";
import * as billDownloads from "./bill-downloads.ts";
import {
  cancelBillJob,
  createBillJob,
  getBillJob,
  listBillJobs,
  recalculateBills,
} from "./bill-jobs.ts";
import * as billLines from "./bill-lines.ts";
import {
  getBill,
  getLatestBill,
  listBills,
  listBillsOfAccount,
  listBillsOfPeriod,
  previewBill,
  searchBills,
} from "./bills.ts";
import * as endDating from "./end-dating.ts";
import * as externalMappings from "./external-mappings.ts";
import type { Handlers } from "./handler.ts";
import * as integrations from "./integrations.ts";
import * as invitations from "./invitations.ts";
import * as lookupData from "./lookup-data.ts";
import * as lookupFiles from "./lookup-files.ts";
import * as lookupTables from "./lookup-tables.ts";
import * as measurementCorrections from "./measurement-corrections.ts";
import * as memoLineItems from "./memo-line-items.ts";
import { submitMeasurements } from "./measurements.ts";
import * as notifications from "./notifications.ts";
import * as policies from "./permission-policies.ts";
import * as resourceGroups from "./resource-groups.ts";
import * as serviceUsers from "./service-users.ts";
import * as statements from "./statements.ts";

/** The handler of every operation that is not a verb of a resource. */
export const handlers: Handlers = {
  cancelBillJob,
  createBillJob,
  generateToken,
  getBill,
  getBillJob,
  getLatestBill,
  listBillJobs,
  listBills,
  listBillsOfAccount,
  submitMeasurements,
  listAuditLog,
  ...accountPlans,
  ...balances,
  ...endDating,
  ...externalMappings,
  ...integrations,
  ...invitations,
  ...lookupData,
  ...lookupFiles,
  ...lookupTables,
  ...measurementCorrections,
  ...notifications,
  ...policies,
  ...resourceGroups,
  ...serviceUsers,
  listBillsOfPeriod,
  previewBill,
  recalculateBills,
  searchBills,
  ...billApprovals,
  ...billDownloads,
  ...billLines,
  ...memoLineItems,
  ...statements,
};
