import type { Grant, GrantTerms, Restriction, Spender } from "./rows.ts";

/** A grant that names nothing it is for burns after every one of its priority that does. */
const breadthOf = (appliesTo: Restriction | null): number => {
  const named =
    appliesTo === null
      ? 0
      : appliesTo.products.length + appliesTo.features.length + appliesTo.meters.length;
  return named === 0 ? Number.POSITIVE_INFINITY : named;
};

const ascending = (a: number | bigint, b: number | bigint): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

/** The burn order of f.2, as one named policy: total and deterministic. */
const burnOrder: readonly ((terms: GrantTerms) => number | bigint)[] = [
  (terms) => terms.priority,
  (terms) => breadthOf(terms.appliesTo),
  (terms) => terms.expiresAt ?? Number.POSITIVE_INFINITY,
  (terms) => terms.costBasis,
  (terms) => terms.effectiveAt,
];

export const inBurnOrder = (a: Grant, b: Grant): number => {
  for (const key of burnOrder) {
    const order = ascending(key(a.terms), key(b.terms));
    if (order !== 0) return order;
  }
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
};

const lists = (values: readonly string[], value: string | null): boolean =>
  values.length === 0 || (value !== null && values.includes(value));

/** Every dimension that the grant names must name the request's value. */
export const isEligible = (grant: Grant, spender: Spender): boolean => {
  if (grant.state !== "active") return false;
  const { appliesTo } = grant.terms;
  if (appliesTo === null) return true;
  return (
    lists(appliesTo.products, spender.product) &&
    lists(appliesTo.features, spender.feature) &&
    lists(appliesTo.meters, spender.meter)
  );
};
