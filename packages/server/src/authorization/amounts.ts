import { asset as assetResource } from "@turnpike/contract/authorization/asset.ts";
import { fieldProblem, type Problem } from "@turnpike/contract/problem.ts";
import { parseAtoms, type Asset } from "@turnpike/engine/ledger/asset.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import type { Configuration } from "./configuration.ts";
import type { KeptRecords } from "./kept-records.ts";

/** An amount of a request, in the words of the field that holds it. */
export interface Stated {
  readonly text: string;
  readonly field: string;
}

/** The configured asset; REFERENCE_NOT_FOUND when the organization has none of that code. */
export const assetOf = ({ assets }: Configuration, code: string, field = "asset"): Asset => {
  const known = assets.get(code);
  if (known !== undefined) return known;
  throw unknownAsset(code, field);
};

const unknownAsset = (code: string, field = "asset"): Problem =>
  fieldProblem("REFERENCE_NOT_FOUND", field, `names no asset: ${code}`);

interface Keeping {
  readonly keptRecords: KeptRecords;
}

const assetsOf = (orgId: string) => ({ orgId, kind: assetResource.kind, by: "code" }) as const;

/** Whether nobody can remove the asset any more in which a price, if it is one, will be told. */
export const isAssetKept = (
  { keptRecords }: Keeping,
  orgId: string,
  { kind, asset }: Price,
): boolean => kind === "unrateable" || keptRecords.isKept(assetsOf(orgId), asset);

/**
 * Before amounts in it are counted, or answered, if only those of a refusal: how they are written is never stored with them.
 * REFERENCE_NOT_FOUND when the asset was removed.
 */
export const keepAsset = async (
  { keptRecords }: Keeping,
  orgId: string,
  code: string,
): Promise<void> => {
  const standing = await keptRecords.keep({ ...assetsOf(orgId), names: [code] });
  if (!standing.has(code)) throw unknownAsset(code);
};

/** An amount in atoms; VALIDATION_FAILED when it is finer than the asset's smallest unit. */
export const atomsOf = ({ text, field }: Stated, asset: Asset): bigint => {
  const atoms = parseAtoms(text, asset.scale);
  if (atoms !== undefined) return atoms;
  const message = `must have at most ${asset.scale} digits after the point, as ${asset.code} has`;
  throw fieldProblem("VALIDATION_FAILED", field, message);
};
