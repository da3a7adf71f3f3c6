import { endDateOfAccount, endDateOfContract } from "../resources/end-dating.ts";
import type { Handlers } from "./handler.ts";

export const endDateBillingEntitiesOfAccount: Handlers["endDateBillingEntitiesOfAccount"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, (writer) =>
    endDateOfAccount(writer, params["id"] ?? "", body),
  );

export const endDateBillingEntitiesOfContract: Handlers["endDateBillingEntitiesOfContract"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, (writer) =>
    endDateOfContract(writer, params["id"] ?? "", body),
  );
