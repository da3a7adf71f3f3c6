import type { CustomFieldEntity } from "@turnpike/engine/calculation/syntax.ts";
import type { CustomFieldValues } from "../ports/usage-directory.ts";

/** Custom fields by the names that calculations know them by, such as `account.tier`; later layers win (m3ter semantics 2.10). */
export const customFieldValues = (
  entity: CustomFieldEntity,
  ...layers: readonly (CustomFieldValues | undefined)[]
): CustomFieldValues =>
  Object.fromEntries(
    layers.flatMap((fields) =>
      Object.entries(fields ?? {}).map(([name, value]) => [`${entity}.${name}`, value]),
    ),
  );
