import { actions, type Permission } from "@turnpike/contract/access/permission.ts";
import {
  permissionStatement,
  type PermissionStatement,
} from "@turnpike/contract/access/permission-statement.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isAllowed, type Item, judge } from "./statements.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const types = ["config:plan", "config:meter", "measurements:measurement"] as const;
const some = <T>(values: readonly T[]) => fc.constantFrom(...values);
const ids = ["1", "2", "3"];
const groups = ["g", "h"];

const resource = fc.oneof(
  some(["*", "config:*", "*:plan", ...types]),
  fc.tuple(some(types), some(["*", "item", "item/*", "group", "group/*"])).map((p) => p.join("/")),
  fc.tuple(some(types), some(ids)).map(([type, id]) => `${type}/item/${id}`),
  fc.tuple(some(types), some(groups)).map(([type, id]) => `${type}/group/${id}`),
);
const statement = fc.record({
  effect: some(["allow", "deny"]),
  action: fc.array(some([...actions, "*", "all", "config:*"]), { minLength: 1, maxLength: 3 }),
  resource: fc.array(resource, { minLength: 1, maxLength: 3 }),
});
const statements = fc.array(statement, { maxLength: 6 });
const permission: fc.Arbitrary<Permission> = fc.record({ action: some(actions), on: some(types) });
const item: fc.Arbitrary<Item | undefined> = fc.option(
  fc.record({ id: some(ids), groups: fc.subarray(groups).map((held) => new Set(held)) }),
  { nil: undefined },
);

/** The rule as a sentence would say it: every resource that the request touches, spelled out and compared. */
const matches = (one: PermissionStatement, { action, on }: Permission, of?: Item): boolean => {
  const [service = "", type = ""] = on.split(":");
  const [actionService = ""] = action.split(":");
  const wholes = ["*", on, `${service}:*`, `*:${type}`].flatMap((mri) =>
    mri === "*" ? [mri] : [mri, `${mri}/*`, `${mri}/item`, `${mri}/item/*`],
  );
  const items = of === undefined ? [] : [`${on}/item/${of.id}`];
  const held = [...(of?.groups ?? [])].map((group) => `${on}/group/${group}`);
  const anyGroup = held.length === 0 ? [] : [`${on}/group`, `${on}/group/*`];
  const touched = new Set([...wholes, ...items, ...held, ...anyGroup]);
  const said = new Set(["*", "all", action, `${actionService}:*`]);
  return one.action.some((text) => said.has(text)) && one.resource.some((mri) => touched.has(mri));
};

const bySentence = (all: readonly PermissionStatement[], asked: Permission, of?: Item): boolean => {
  const said = all.filter((one) => matches(one, asked, of));
  const effects = new Set(said.map(({ effect }) => effect));
  return effects.has("allow") && !effects.has("deny");
};

test("answers as the rule reads", () => {
  fc.assert(
    fc.property(statements, permission, item, (all, asked, of) => {
      expect(isAllowed(judge(all, asked), of)).toBe(bySentence(all, asked, of));
    }),
    { numRuns },
  );
});

test("does not depend on the order of the statements", () => {
  fc.assert(
    fc.property(statements, permission, item, (all, asked, of) => {
      const forwards = isAllowed(judge(all, asked), of);
      expect(isAllowed(judge(all.toReversed(), asked), of)).toBe(forwards);
    }),
    { numRuns },
  );
});

test("one more deny never lets anything through", () => {
  fc.assert(
    fc.property(statements, statement, permission, item, (all, more, asked, of) => {
      const before = isAllowed(judge(all, asked), of);
      const after = isAllowed(judge([...all, { ...more, effect: "deny" }], asked), of);
      expect(after && !before).toBe(false);
    }),
    { numRuns },
  );
});

test("every statement that is generated is one that a client may write", () => {
  fc.assert(
    fc.property(statement, (one) => {
      expect(permissionStatement.parse(one)).toEqual(one);
    }),
    { numRuns },
  );
});
