import { fieldProblem } from "@turnpike/contract/problem.ts";
import {
  type Approval,
  approveBills as approve,
  deleteBill as remove,
  lockBillForGood,
  setBillStatus,
} from "../billing/bill-lifecycle.ts";
import { billReply } from "../billing/bill-replies.ts";
import { periodOf } from "./bill-period.ts";
import { billWithLines } from "./bills.ts";
import type { Handlers } from "./handler.ts";

const sentence = ({ approved, approvedBefore }: Approval): { message: string } => {
  const before = approvedBefore === 0 ? "" : `, ${approvedBefore} were approved before`;
  return { message: `${approved} ${approved === 1 ? "bill" : "bills"} approved${before}` };
};

/** Query parameters are ignored when bills are named (m3ter semantics 18.6). */
export const approveBills: Handlers["approveBills"] = async (request, world) => {
  const { billIds } = request.body;
  if (billIds !== undefined) return sentence(await approve(world, request, { ids: billIds }));
  if (Object.values(request.query).every((value) => value === undefined)) {
    const message = "is required unless query parameters say which bills";
    throw fieldProblem("VALIDATION_FAILED", "billIds", message);
  }
  return sentence(await approve(world, request, request.query));
};

export const approveBillsOfPeriod: Handlers["approveBillsOfPeriod"] = async (request, world) =>
  sentence(await approve(world, request, periodOf(request.params)));

export const updateBillStatus: Handlers["updateBillStatus"] = async (request, world) => {
  const { status } = request.body;
  const id = request.params["id"] ?? "";
  await setBillStatus(world, request, { id, status });
  return billWithLines(world, { orgId: request.orgId, id });
};

export const lockBill: Handlers["lockBill"] = async (request, world) => {
  const id = request.params["id"] ?? "";
  await lockBillForGood(world, request, id);
  return billWithLines(world, { orgId: request.orgId, id });
};

export const deleteBill: Handlers["deleteBill"] = async (request, world) =>
  billReply(await remove(world, request, request.params["id"] ?? ""), undefined);
