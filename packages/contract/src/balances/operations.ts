import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { paging } from "../query.ts";
import { balanceChargeSchedule } from "./balance-charge-schedule.ts";
import { balanceTransactionSchedule } from "./balance-transaction-schedule.ts";

/** A schedule as a client sends it: the path says whose it is. */
const schedule = z.looseObject({});

export const balanceOperations = {
  getBalanceTransactionsSummary: {
    method: "GET",
    path: "/organizations/{orgId}/balances/{balanceId}/transactions/summary",
    noun: "BalanceTransaction",
    summary: "Add up a balance's ledger",
    ...permitted("config:retrieve", "config:balanceTransaction"),
  },
  previewBalanceTransactionSchedule: {
    method: "POST",
    path: `/organizations/{orgId}/${balanceTransactionSchedule.path}/preview`,
    noun: balanceTransactionSchedule.noun,
    summary: "The transactions that a schedule would make, without storing anything",
    query: z.object(paging(200)),
    body: schedule,
    ...permitted("config:retrieve", "config:balanceTransactionSchedule"),
  },
  previewBalanceChargeSchedule: {
    method: "POST",
    path: `/organizations/{orgId}/${balanceChargeSchedule.path}/preview`,
    noun: balanceChargeSchedule.noun,
    summary: "The charges that a schedule would make, without storing anything",
    query: z.object(paging(200)),
    body: schedule,
    ...permitted("config:retrieve", "config:balanceChargeSchedule"),
  },
} as const satisfies Record<string, Operation>;
