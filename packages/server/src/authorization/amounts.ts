import { fieldProblem } from "@turnpike/contract/problem.ts";
import { parseAtoms, type Asset } from "@turnpike/engine/ledger/asset.ts";
import type { Configuration } from "./configuration.ts";

/** An amount of a request, in the words of the field that holds it. */
export interface Stated {
  readonly text: string;
  readonly field: string;
}

/** The configured asset; REFERENCE_NOT_FOUND when the organization has none of that code. */
export const assetOf = ({ assets }: Configuration, code: string, field = "asset"): Asset => {
  const known = assets.get(code);
  if (known !== undefined) return known;
  throw fieldProblem("REFERENCE_NOT_FOUND", field, `names no asset: ${code}`);
};

/** An amount in atoms; VALIDATION_FAILED when it is finer than the asset's smallest unit. */
export const atomsOf = ({ text, field }: Stated, asset: Asset): bigint => {
  const atoms = parseAtoms(text, asset.scale);
  if (atoms !== undefined) return atoms;
  const message = `must have at most ${asset.scale} digits after the point, as ${asset.code} has`;
  throw fieldProblem("VALIDATION_FAILED", field, message);
};
