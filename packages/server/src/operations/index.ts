import { listAuditLog } from "./audit-log.ts";
import { generateToken } from "./auth.ts";
import { cancelBillJob, createBillJob, getBillJob, listBillJobs } from "./bill-jobs.ts";
import {
  getBill,
  getBillLineItem,
  getLatestBill,
  listBillLineItems,
  listBills,
  listBillsOfAccount,
} from "./bills.ts";
import type { Handlers } from "./handler.ts";
import { submitMeasurements } from "./measurements.ts";
import * as policies from "./permission-policies.ts";
import * as serviceUsers from "./service-users.ts";

/** The handler of every operation that is not a verb of a resource. */
export const handlers: Handlers = {
  cancelBillJob,
  createBillJob,
  generateToken,
  getBill,
  getBillJob,
  getBillLineItem,
  getLatestBill,
  listBillJobs,
  listBillLineItems,
  listBills,
  listBillsOfAccount,
  submitMeasurements,
  listAuditLog,
  ...policies,
  ...serviceUsers,
};
