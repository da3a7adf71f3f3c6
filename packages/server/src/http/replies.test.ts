import { open } from "node:fs/promises";
import { createConnection } from "node:net";
import { once } from "node:events";
import Fastify from "fastify";
import { DatabaseError } from "pg";
import { expect, test } from "vitest";
import { sendError } from "./replies.ts";

const failWith = async (error: unknown) => {
  const lines: string[] = [];
  const app = Fastify({ logger: { stream: { write: (line: string) => lines.push(line) } } });
  app.setErrorHandler(sendError);
  app.get("/", { logLevel: "warn" }, async () => {
    throw error;
  });
  const reply = await app.inject("/");
  await app.close();
  return { reply, lines };
};

/** What a client is told of an error that nobody expected. */
const replyTo = async (error: unknown): Promise<unknown> => {
  const { statusCode, headers, body } = (await failWith(error)).reply;
  const { errorCode }: { errorCode?: unknown } = JSON.parse(body);
  return [statusCode, errorCode, headers["x-should-retry"]];
};

const ofDatabase = (code: string): DatabaseError =>
  Object.assign(new DatabaseError("for the test", 0, "error"), { code });

const withCode = (message: string): Error =>
  Object.assign(new Error(message), { code: "ECONNRESET" });

const noSocket = async (): Promise<unknown> => {
  const [error] = await once(createConnection("/nowhere/socket"), "error").catch(
    (fault: unknown) => [fault],
  );
  return error;
};

const isFull = [503, "STORAGE_FULL", "true"];
const isAway = [503, "UNAVAILABLE", "true"];
const isCutOff = [400, "MALFORMED_JSON", "false"];
const isOurs = [500, "INTERNAL", "false"];

test.each([
  ["a full disk of the database", ofDatabase("53100"), isFull],
  ["a full disk", Object.assign(new Error("no space"), { code: "ENOSPC" }), isFull],
  ["too many connections", ofDatabase("53300"), isAway],
  ["a database that starts", ofDatabase("57P03"), isAway],
  ["a standby, which can only be read", ofDatabase("25006"), isAway],
  ["a connection that ended", new Error("Connection terminated unexpectedly"), isAway],
  ["no connection in time", new Error("timeout exceeded when trying to connect"), isAway],
  [
    "a connection that failed before",
    new Error("Client has encountered a connection error and is not queryable"),
    isAway,
  ],
  ["a connection that was reset", withCode("read ECONNRESET"), isAway],
  ["a client that went away while it sent", withCode("aborted"), isCutOff],
  ["a mistake of ours", new TypeError("for the test"), isOurs],
  ["a statement that is wrong", ofDatabase("42P01"), isOurs],
])("says of %s whether it may work the next time", async (_what, error, reply) => {
  expect(await replyTo(error)).toEqual(reply);
});

test.each([
  ["a mistake of ours with its stack", new TypeError("for the test"), "TypeError: for the test"],
  ["a database that is away without one", ofDatabase("57P03"), undefined],
])("logs %s", async (_what, error, stack) => {
  const [line = "", ...others] = (await failWith(error)).lines;
  const logged: { msg?: string; reason?: string; err?: { stack: string } } = JSON.parse(line);
  expect(others).toEqual([]);
  expect(logged.msg).toBe("request failed");
  expect(logged.err?.stack.split("\n")[0]).toBe(stack);
  expect(logged.reason).toBe(stack === undefined ? "for the test" : undefined);
});

test("says of a database whose socket is gone that it may work the next time, of a missing file not", async () => {
  expect(await replyTo(await noSocket())).toEqual(isAway);
  const missing = await open("/nowhere/file").catch((fault: unknown) => fault);
  expect(await replyTo(missing)).toEqual(isOurs);
});
