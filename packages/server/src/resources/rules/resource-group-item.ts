import { resourceGroup } from "@turnpike/contract/access/resource-group.ts";
import { resourceGroupItem } from "@turnpike/contract/access/resource-group-item.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import { lookup, lookupChildren } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

/** A group holds groups of its own type, and never itself, however far down. */
const nestsWithoutLoops = async ({ transaction, orgId, document }: Write) => {
  const { resourceGroupId, targetId, targetType } = resourceGroupItem.fields.parse(document);
  if (targetType === "ITEM") return document;
  const outer = await lookup(transaction, resourceGroup, { orgId, id: resourceGroupId });
  const inner = await lookup(transaction, resourceGroup, { orgId, id: targetId });
  if (inner === undefined || inner.type !== outer?.type) {
    const message = `names no resourceGroup of this type: ${targetId}`;
    throw fieldProblem("REFERENCE_NOT_FOUND", "targetId", message);
  }
  if (await holds(transaction, { orgId, outer: targetId, inner: resourceGroupId })) {
    throw fieldProblem("RULE_VIOLATED", "targetId", "would make the group hold itself");
  }
  return document;
};

const holds = async (
  transaction: DatabaseTransaction,
  { orgId, outer, inner }: { orgId: string; outer: string; inner: string },
): Promise<boolean> => {
  const seen = new Set<string>();
  const waiting = [outer];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (id === inner) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    const items = await lookupChildren(transaction, resourceGroupItem, { orgId, id });
    waiting.push(
      ...items.filter(({ targetType }) => targetType === "GROUP").map(({ targetId }) => targetId),
    );
  }
  return false;
};

export const resourceGroupItemRules: Rules = { write: nestsWithoutLoops };
