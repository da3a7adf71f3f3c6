/** Where a limit applies: every named dimension must equal the request's. None named: everywhere. */
export interface Scope {
  readonly account?: string;
  readonly subject?: string;
  readonly agent?: string;
  readonly key?: string;
  readonly feature?: string;
  readonly product?: string;
}

const dimensions = ["account", "subject", "agent", "key", "feature", "product"] as const;

export const isInScope = (scope: Scope, request: Scope): boolean =>
  dimensions.every((name) => scope[name] === undefined || scope[name] === request[name]);

export const depthOf = (scope: Scope): number =>
  dimensions.filter((name) => scope[name] !== undefined).length;

interface Scoped {
  readonly id: string;
  readonly scope: Scope;
}

/** Outermost first, so that the widest limit names the reason (f.3). */
export const outermostFirst = (a: Scoped, b: Scoped): number =>
  depthOf(a.scope) - depthOf(b.scope) || (a.id < b.id ? -1 : 1);
