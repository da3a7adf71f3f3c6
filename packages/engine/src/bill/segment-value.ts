/** What a segment says of a field: nothing of what every object inherits, such as `constructor`. */
export const segmentValue = (
  segment: Readonly<Record<string, string>>,
  field: string,
): string | undefined => (Object.hasOwn(segment, field) ? segment[field] : undefined);
