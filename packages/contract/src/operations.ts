import { groupOperations } from "./access/group-operations.ts";
import { accessOperations } from "./access/operations.ts";
import { authorizationOperations } from "./authorization/operations.ts";
import { accountOperations } from "./accounts/operations.ts";
import { balanceOperations } from "./balances/operations.ts";
import { billingOperations } from "./billing/operations.ts";
import { lookupOperations } from "./catalog/operations.ts";
import { exportOperations } from "./sync/export-operations.ts";
import { integrationOperations } from "./sync/integration-operations.ts";
import { syncOperations } from "./sync/operations.ts";
import { backfillOperations } from "./usage/backfill-operations.ts";
import { correctionOperations } from "./usage/correction-operations.ts";
import { eventOperations } from "./usage/event-operations.ts";
import { uploadOperations } from "./usage/upload-operations.ts";
import { usageOperations } from "./usage/operations.ts";

/** Every route that is not create, retrieve, update, list or delete of a declared resource. */
export const operations = {
  ...accessOperations,
  ...groupOperations,
  ...accountOperations,
  ...balanceOperations,
  ...lookupOperations,
  ...syncOperations,
  ...exportOperations,
  ...integrationOperations,
  ...usageOperations,
  ...correctionOperations,
  ...backfillOperations,
  ...eventOperations,
  ...uploadOperations,
  ...billingOperations,
  ...authorizationOperations,
};

export type OperationId = keyof typeof operations;
