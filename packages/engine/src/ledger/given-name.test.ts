import { expect, test } from "vitest";
import { givenName, quotedUid } from "./given-name.ts";

test("names of different things differ, whatever the uids in them are", () => {
  const ofGrant = (id: string, uid: string) => givenName(id, quotedUid(`refund:${uid}`));
  const ofDebt = (uid: string, refund: string) =>
    givenName(quotedUid(uid), `debt:${quotedUid(`refund:${refund}`)}`);
  const names = [
    givenName("g", "rollover"),
    ofGrant("g", "x~debt:refund:y"),
    ofGrant("g", "x#debt:refund:y"),
    ofGrant(ofGrant("g", "x"), "y"),
    ofGrant("g", "x~refund:y"),
    ofDebt("g~refund:x", "y"),
    ofDebt("g", "y"),
    ofDebt("g~", "y"),
    ofDebt("g#", "y"),
    ofDebt("g~23", "y"),
    givenName("g", quotedUid("trueUp:calls of May/2024-05-01T00:00:00Z?")),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[\w:.~-]+$/);
});
