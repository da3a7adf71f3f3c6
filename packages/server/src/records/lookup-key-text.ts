/** How a row of a lookup table is found: the values of its keys as texts, in the order of the schema. */
export const lookupKeyText = (values: readonly string[]): string => JSON.stringify(values);
