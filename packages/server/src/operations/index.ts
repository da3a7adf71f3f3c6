import * as accountPlans from "./account-plans.ts";
import * as authorizations from "./authorizations.ts";
import * as auditLog from "./audit-log.ts";
import * as auth from "./auth.ts";
import * as backfills from "./backfills.ts";
import * as balances from "./balances.ts";
import * as billApprovals from "./bill-approvals.ts";
import * as billDownloads from "./bill-downloads.ts";
import * as billJobs from "./bill-jobs.ts";
import * as billLines from "./bill-lines.ts";
import * as bills from "./bills.ts";
import * as endDating from "./end-dating.ts";
import * as events from "./events.ts";
import * as exports from "./exports.ts";
import * as externalMappings from "./external-mappings.ts";
import * as grants from "./grants.ts";
import * as failedIngest from "./failed-ingest.ts";
import * as fileUploads from "./file-uploads.ts";
import * as integrationRuns from "./integration-runs.ts";
import * as integrations from "./integrations.ts";
import * as invitations from "./invitations.ts";
import * as leases from "./leases.ts";
import * as lookupData from "./lookup-data.ts";
import * as lookupFiles from "./lookup-files.ts";
import * as lookupTables from "./lookup-tables.ts";
import * as measurementCorrections from "./measurement-corrections.ts";
import * as measurements from "./measurements.ts";
import * as memoLineItems from "./memo-line-items.ts";
import * as notifications from "./notifications.ts";
import * as permissionPolicies from "./permission-policies.ts";
import * as resourceGroups from "./resource-groups.ts";
import * as serviceUsers from "./service-users.ts";
import * as topUps from "./top-ups.ts";
import * as wallets from "./wallets.ts";
import * as statements from "./statements.ts";
import * as usageQueries from "./usage-queries.ts";
import type { Handlers } from "./handler.ts";

/** The handler of every operation that is not a verb of a resource. A missing one does not compile. */
export const handlers: Handlers = {
  ...accountPlans,
  ...authorizations,
  ...auditLog,
  ...auth,
  ...backfills,
  ...balances,
  ...billApprovals,
  ...billDownloads,
  ...billJobs,
  ...billLines,
  ...bills,
  ...endDating,
  ...events,
  ...exports,
  ...externalMappings,
  ...grants,
  ...failedIngest,
  ...fileUploads,
  ...integrationRuns,
  ...integrations,
  ...invitations,
  ...leases,
  ...lookupData,
  ...lookupFiles,
  ...lookupTables,
  ...measurementCorrections,
  ...measurements,
  ...memoLineItems,
  ...notifications,
  ...permissionPolicies,
  ...resourceGroups,
  ...serviceUsers,
  ...topUps,
  ...wallets,
  ...statements,
  ...usageQueries,
};
