import type { Permission } from "@turnpike/contract/access/permission.ts";
import type { PermissionStatement } from "@turnpike/contract/access/permission-statement.ts";

/** The one thing a request concerns, with the resource groups that hold it, however deeply nested. */
export interface Item {
  readonly id: string;
  readonly groups: ReadonlySet<string>;
}

/** How far statements of one effect go within a resource type. */
interface Reach {
  /** The type as a whole, and so every item. */
  isAll: boolean;
  isAnyGroup: boolean;
  readonly items: Set<string>;
  readonly groups: Set<string>;
}

/** What statements say of one permission. */
export interface Verdict {
  readonly allow: Reach;
  readonly deny: Reach;
}

const nowhere = (): Reach => ({
  isAll: false,
  isAnyGroup: false,
  items: new Set(),
  groups: new Set(),
});

const coversAction = (pattern: string, action: string): boolean =>
  pattern === "*" ||
  pattern === "all" ||
  pattern === action ||
  pattern === `${action.split(":")[0] ?? ""}:*`;

/** Case does not tell types apart: a misspelt deny must not fall silent. */
const coversSegment = (pattern: string, text: string): boolean =>
  pattern === "*" || pattern.toLowerCase() === text.toLowerCase();

/** Extends a reach by one resource of a statement, if that is of the type `on`. */
const extend = (reach: Reach, resource: string, on: string): void => {
  const [type = "", target = "*", id = "*"] = resource.split("/");
  const [service = "", name = "*"] = type.split(":");
  const [wantedService = "", wantedName = ""] = on.split(":");
  if (!coversSegment(service, wantedService) || !coversSegment(name, wantedName)) return;
  if (target === "group" && id === "*") reach.isAnyGroup = true;
  else if (target === "group") reach.groups.add(id.toLowerCase());
  else if (id === "*") reach.isAll = true;
  else reach.items.add(id.toLowerCase());
};

/** What a principal's statements, in any order, say of a permission. */
export const judge = (
  statements: readonly PermissionStatement[],
  { action, on }: Pick<Permission, "action" | "on">,
): Verdict => {
  const verdict = { allow: nowhere(), deny: nowhere() };
  for (const statement of statements) {
    if (!statement.action.some((pattern) => coversAction(pattern, action))) continue;
    const reach = statement.effect === "deny" ? verdict.deny : verdict.allow;
    for (const resource of statement.resource) extend(reach, resource, on);
  }
  return verdict;
};

const reaches = (reach: Reach, item: Item | undefined): boolean => {
  if (reach.isAll) return true;
  if (item === undefined) return false;
  if (reach.items.has(item.id.toLowerCase())) return true;
  if (reach.isAnyGroup) return item.groups.size > 0;
  return reach.groups.size > 0 && !reach.groups.isDisjointFrom(item.groups);
};

/**
 * An explicit deny wins over any allow, and nothing said is a no (m3ter semantics 1.3, our rule). Creating and
 * listing concern the type as a whole: statements about single items or groups neither allow nor deny them.
 */
export const isAllowed = ({ allow, deny }: Verdict, item?: Item): boolean =>
  !reaches(deny, item) && reaches(allow, item);

/** Whether single items or groups are denied at all: most callers have no such statement. */
export const singlesOut = ({ deny }: Verdict): boolean =>
  deny.isAnyGroup || deny.items.size > 0 || deny.groups.size > 0;

/** Whether the item itself, or a group that holds it, is denied: not only everything of its type. */
export const isSingledOut = ({ deny }: Verdict, item: Item): boolean =>
  reaches({ ...deny, isAll: false }, item);

/** Whether the groups of an item can change the answer, so that they must be looked up. */
export const asksForGroups = ({ allow, deny }: Verdict): boolean =>
  [allow, deny].some(({ groups, isAnyGroup }) => isAnyGroup || groups.size > 0);
