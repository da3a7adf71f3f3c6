import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { lookup } from "../records/lookup.ts";
import type { Handlers } from "./handler.ts";

/** The old plan ends at the instant at which the new one starts (m3ter semantics 9.4). */
export const replaceAccountPlan: Handlers["replaceAccountPlan"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const id = params["id"] ?? "";
    const original = await lookup(writer.transaction, accountPlan, { orgId, id });
    if (original === undefined) throw new Problem("NOT_FOUND");
    if (body.accountId !== original.accountId) {
      throw fieldProblem("RULE_VIOLATED", "accountId", "must be the replaced plan's account");
    }
    if (body.startDate < original.startDate) {
      throw fieldProblem("RULE_VIOLATED", "startDate", "is before the replaced plan starts");
    }
    const fields = { endDate: body.startDate };
    const ended = await writer.amend(accountPlan, { id, fields });
    const added = await writer.create(accountPlan, body);
    const rows = [ended, added];
    const [originalAccountPlan, newAccountPlan] = await catalog.replies(
      writer.transaction,
      accountPlan,
      rows,
    );
    return { originalAccountPlan, newAccountPlan };
  });
