import type { Resource } from "../resource.ts";

/** Every action that a statement can name, as it stands on the wire (m3ter semantics 1.3). */
export const actions = [
  "config:create",
  "config:retrieve",
  "config:update",
  "config:delete",
  "config:export",
  "analytics:query",
  "measurements:upload",
  "measurements:fileupload",
  "measurements:retrieve",
  "measurements:export",
  "forecast:retrieve",
  "healthscores:retrieve",
  "anomalies:retrieve",
  "exports:download",
  "marketplace_usage:create",
  "marketplace_usage:retrieve",
  "audit:retrieve",
] as const;
export type Action = (typeof actions)[number];

/** What a caller must be allowed to do before a route answers. */
export interface Permission {
  readonly action: Action;
  /** `service:resource-type`, such as `config:accountPlan`. */
  readonly on: `${string}:${string}`;
  /** The path parameter that holds the id of the one item concerned; without one, the whole type is. */
  readonly item?: string;
  /** How a request for what has no record of its own says whose it is: what is denied of that account is denied here. */
  readonly names?: Naming;
}

/** Where the request says it (`a.b` is b of each of the list a), and by what. */
export interface Naming {
  readonly by: "account id" | "account code" | "authorization" | "grant" | "top-up";
  readonly field: string;
}

const verbActions = {
  create: "config:create",
  retrieve: "config:retrieve",
  list: "config:retrieve",
  search: "config:retrieve",
  view: "config:retrieve",
  update: "config:update",
  delete: "config:delete",
} as const satisfies Record<string, Action>;

/** What a verb of a declared resource asks for: its kind is its resource type. */
export const verbPermission = (
  { kind, singleton }: Resource,
  verb: keyof typeof verbActions,
): Permission => {
  const action = verbActions[verb];
  const hasItem = verb === "retrieve" || verb === "update" || verb === "delete";
  const permission: Permission = { action, on: `config:${kind}` };
  return hasItem && singleton === undefined ? { ...permission, item: "id" } : permission;
};

/** For a route of an organization that asks for one permission; `item` names the path parameter concerned. */
export const permitted = (
  action: Action,
  on: Permission["on"],
  item?: string,
): { readonly access: "organization"; readonly permission: Permission } => ({
  access: "organization",
  permission: item === undefined ? { action, on } : { action, on, item },
});
