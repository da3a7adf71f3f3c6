import { orgUser } from "@turnpike/contract/access/org-user.ts";
import { orgUserInvitation } from "@turnpike/contract/access/org-user-invitation.ts";
import { permissionPolicy } from "@turnpike/contract/access/permission-policy.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import { attach } from "../access/attachments.ts";
import { lookupAll } from "../records/lookup.ts";
import type { Writer } from "../resources/writer.ts";
import { findRecord } from "../records/records.ts";
import type { Handlers } from "./handler.ts";

type Invitation = ReturnType<typeof orgUserInvitation.fields.parse>;

/** The policies that the invited shall hold are there. */
const checkPolicies = async (
  { transaction, caller }: Writer,
  ids: readonly string[],
): Promise<void> => {
  const known = await lookupAll(transaction, permissionPolicy, { orgId: caller.orgId, ids });
  const missing = ids.flatMap((id, index) => {
    const message = `names no permissionPolicy: ${id}`;
    return known.has(id.toLowerCase()) ? [] : [{ field: `permissionPolicyIds[${index}]`, message }];
  });
  if (missing.length > 0) throw new Problem("REFERENCE_NOT_FOUND", missing);
};

/** There is no identity provider to accept an invitation with: the invited are users from then on ([R]). */
const acceptInvitation = async (writer: Writer, invitation: Invitation): Promise<void> => {
  await checkPolicies(writer, invitation.permissionPolicyIds ?? []);
  const { firstName, lastName, contactNumber, email, dtEndAccess } = invitation;
  const person = { firstName, lastName, email, organizations: [writer.caller.orgId] };
  const user = await writer.create(
    orgUser,
    { dtEndAccess },
    { ...person, ...(contactNumber === undefined ? {} : { contactNumber }), supportUser: false },
  );
  for (const policyId of invitation.permissionPolicyIds ?? []) {
    const attachment = { policyId, holder: { type: "USER", id: user.id }, at: writer.at } as const;
    await attach(writer.transaction, writer.caller, attachment);
  }
};

export const createOrgUserInvitation: Handlers["createOrgUserInvitation"] = (
  { orgId, principal, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    await acceptInvitation(writer, body);
    const owned = { invitingPrincipalId: principal, accepted: true };
    const row = await writer.create(orgUserInvitation, body, owned);
    const [reply] = await catalog.replies(writer.transaction, orgUserInvitation, [row]);
    return reply;
  });

/** Users have no passwords here; the route says so by doing nothing. */
export const resendTemporaryPassword: Handlers["resendTemporaryPassword"] = async (
  { orgId, params },
  { database },
) => {
  const key = { orgId, kind: orgUser.kind, id: params["id"] ?? "" };
  if ((await findRecord(database, key)) === undefined) throw new Problem("NOT_FOUND");
  return "";
};
