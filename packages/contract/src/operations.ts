import { accessOperations } from "./access/operations.ts";
import { billingOperations } from "./billing/operations.ts";
import { usageOperations } from "./usage/operations.ts";

/** Every route that is not create, retrieve, update, list or delete of a declared resource. */
export const operations = { ...accessOperations, ...usageOperations, ...billingOperations };

export type OperationId = keyof typeof operations;
