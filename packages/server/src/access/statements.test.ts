import type { Action, Permission } from "@turnpike/contract/access/permission.ts";
import type { PermissionStatement } from "@turnpike/contract/access/permission-statement.ts";
import { describe, expect, test } from "vitest";
import { isAllowed, judge } from "./statements.ts";

const statement = (text: string): PermissionStatement => {
  const [effect = "", action = "", resource = ""] = text.split(" ");
  return { effect, action: action.split(","), resource: resource.split(",") };
};

/** `config:retrieve config:plan 7 gold,all`: action, type, id, the groups that hold it. */
const asked = (text: string) => {
  const [action = "", on = "", id, groups = ""] = text.split(" ");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tables below are written in these words
  const permission: Permission = { action: action as Action, on: on as Permission["on"] };
  const item =
    id === undefined ? undefined : { id, groups: new Set(groups.split(",").filter(Boolean)) };
  return { permission, item };
};

const answer = (statements: readonly string[], request: string): string => {
  const { permission, item } = asked(request);
  return isAllowed(judge(statements.map(statement), permission), item) ? "allow" : "deny";
};

describe("one allow", () => {
  test.each([
    // nothing said is a no
    ["", "config:retrieve config:plan", "deny"],
    ["allow config:retrieve config:plan/*", "config:retrieve config:plan", "allow"],
    ["allow config:retrieve config:plan", "config:retrieve config:plan 7", "allow"],
    ["allow config:retrieve config:plan/item/*", "config:retrieve config:plan 7", "allow"],
    // another action, another type, another service
    ["allow config:retrieve config:plan/*", "config:update config:plan 7", "deny"],
    ["allow config:retrieve config:plan/*", "config:retrieve config:planGroup 7", "deny"],
    ["allow measurements:upload config:*", "measurements:upload measurements:measurement", "deny"],
    // wildcards of the action
    ["allow * config:plan", "config:delete config:plan 7", "allow"],
    ["allow all config:plan", "config:delete config:plan 7", "allow"],
    ["allow config:* config:plan", "config:delete config:plan 7", "allow"],
    ["allow config:* *", "measurements:upload measurements:measurement", "deny"],
    // wildcards of the resource
    ["allow config:delete *", "config:delete config:plan 7", "allow"],
    ["allow config:delete config:*", "config:delete config:plan 7", "allow"],
    ["allow config:delete *:plan", "config:delete config:plan 7", "allow"],
    // types are told apart without regard to case
    ["allow config:retrieve config:accountplan", "config:retrieve config:accountPlan 7", "allow"],
    // one item: that item, and neither another one nor the list
    ["allow config:retrieve config:plan/item/7", "config:retrieve config:plan 7", "allow"],
    ["allow config:retrieve config:plan/item/7", "config:retrieve config:plan 8", "deny"],
    ["allow config:retrieve config:plan/item/7", "config:retrieve config:plan", "deny"],
    // groups: what they hold, however deeply nested (the caller's walk), and not the list
    ["allow config:retrieve config:plan/group/g", "config:retrieve config:plan 7 g", "allow"],
    ["allow config:retrieve config:plan/group/g", "config:retrieve config:plan 7 f,g", "allow"],
    ["allow config:retrieve config:plan/group/g", "config:retrieve config:plan 7 f", "deny"],
    ["allow config:retrieve config:plan/group/g", "config:retrieve config:plan", "deny"],
    ["allow config:retrieve config:plan/group/*", "config:retrieve config:plan 7 f", "allow"],
    ["allow config:retrieve config:plan/group/*", "config:retrieve config:plan 7", "deny"],
  ])("%s | %s → %s", (given, request, expected) => {
    expect(answer(given === "" ? [] : [given], request)).toBe(expected);
  });
});

describe("an explicit deny wins", () => {
  const everything = "allow * *";
  test.each([
    ["deny config:delete config:plan", "config:delete config:plan 7", "deny"],
    ["deny config:delete config:plan", "config:update config:plan 7", "allow"],
    ["deny * config:*", "measurements:upload measurements:measurement", "allow"],
    ["deny * *", "measurements:upload measurements:measurement", "deny"],
    ["deny config:retrieve config:plan/item/7", "config:retrieve config:plan 7", "deny"],
    ["deny config:retrieve config:plan/item/7", "config:retrieve config:plan 8", "allow"],
    ["deny config:retrieve config:plan/item/7", "config:retrieve config:plan", "allow"],
    ["deny config:retrieve config:plan/group/g", "config:retrieve config:plan 7 g", "deny"],
    ["deny config:retrieve config:plan/group/*", "config:retrieve config:plan 7 f", "deny"],
    ["deny config:retrieve config:plan/group/g", "config:retrieve config:plan 7", "allow"],
  ])("%s | %s → %s", (denial, request, expected) => {
    expect(answer([everything, denial], request)).toBe(expected);
    expect(answer([denial, everything], request)).toBe(expected);
  });
});
