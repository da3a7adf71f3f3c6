import { listAuditLog } from "./audit-log.ts";
import { replaceAccountPlan } from "./account-plans.ts";
import { generateToken } from "./auth.ts";
import {
  getBalanceTransactionsSummary,
  previewBalanceChargeSchedule,
  previewBalanceTransactionSchedule,
} from "./balances.ts";
import { cancelBillJob, createBillJob, getBillJob, listBillJobs } from "./bill-jobs.ts";
import {
  getBill,
  getBillLineItem,
  getLatestBill,
  listBillLineItems,
  listBills,
  listBillsOfAccount,
} from "./bills.ts";
import { endDateBillingEntitiesOfAccount, endDateBillingEntitiesOfContract } from "./end-dating.ts";
import {
  getExternalMappingConfiguration,
  listExternalEntities,
  listExternalEntitiesOfCredentials,
} from "./external-mappings.ts";
import type { Handlers } from "./handler.ts";
import {
  activateWebhookDestination,
  enableIntegrationConfig,
  getAvailableAuthentication,
  getAvailableIntegrations,
  getConfigOptionValues,
  getIntegrationConfigOfEntity,
  listAvailableEntities,
  listAvailableSystems,
} from "./integrations.ts";
import { createOrgUserInvitation, resendTemporaryPassword } from "./invitations.ts";
import {
  copyLookupData,
  deleteLookupData,
  deleteLookupDataEntry,
  getLookupData,
  getLookupDataEntry,
  putLookupData,
  putLookupDataEntry,
} from "./lookup-data.ts";
import {
  deleteLookupDataJob,
  downloadLookupData,
  downloadLookupFile,
  generateLookupUploadUrl,
  getArchivedLookupData,
  getLookupDataJob,
  listLookupDataJobs,
  uploadLookupFile,
} from "./lookup-files.ts";
import { updateLookupTableRevisionStatus } from "./lookup-tables.ts";
import { submitMeasurements } from "./measurements.ts";
import * as policies from "./permission-policies.ts";
import * as serviceUsers from "./service-users.ts";
import {
  addToResourceGroup,
  listGroupsOfOrgUser,
  listResourceGroupContents,
  removeFromResourceGroup,
} from "./resource-groups.ts";

/** The handler of every operation that is not a verb of a resource. */
export const handlers: Handlers = {
  activateWebhookDestination,
  addToResourceGroup,
  cancelBillJob,
  copyLookupData,
  createBillJob,
  createOrgUserInvitation,
  deleteLookupData,
  deleteLookupDataEntry,
  deleteLookupDataJob,
  downloadLookupData,
  downloadLookupFile,
  enableIntegrationConfig,
  endDateBillingEntitiesOfAccount,
  endDateBillingEntitiesOfContract,
  generateLookupUploadUrl,
  generateToken,
  getArchivedLookupData,
  getAvailableAuthentication,
  getAvailableIntegrations,
  getBalanceTransactionsSummary,
  getBill,
  getBillJob,
  getBillLineItem,
  getConfigOptionValues,
  getExternalMappingConfiguration,
  getIntegrationConfigOfEntity,
  getLatestBill,
  getLookupData,
  getLookupDataEntry,
  getLookupDataJob,
  listAvailableEntities,
  listAvailableSystems,
  listBillJobs,
  listBillLineItems,
  listBills,
  listBillsOfAccount,
  listExternalEntities,
  listExternalEntitiesOfCredentials,
  listGroupsOfOrgUser,
  listLookupDataJobs,
  listResourceGroupContents,
  previewBalanceChargeSchedule,
  previewBalanceTransactionSchedule,
  putLookupData,
  putLookupDataEntry,
  removeFromResourceGroup,
  replaceAccountPlan,
  resendTemporaryPassword,
  submitMeasurements,
  listAuditLog,
  ...policies,
  ...serviceUsers,
  updateLookupTableRevisionStatus,
  uploadLookupFile,
};
