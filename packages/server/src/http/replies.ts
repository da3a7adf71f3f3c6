import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { Problem, type ProblemCode, problems } from "@turnpike/contract/problem.ts";
import { cannotConnect } from "../ports/unreachable.ts";
import { drain } from "./bodies.ts";

/** What Fastify itself refuses, in our words. */
const frameworkProblems: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "MALFORMED_JSON",
  FST_ERR_BAD_URL: "ROUTE_NOT_FOUND",
  FST_ERR_MAX_PARAM_LENGTH: "URI_TOO_LONG",
  FST_ERR_REQUEST_ABORTED: "MALFORMED_JSON",
};

/**
 * PostgreSQL's connection and shutdown classes, that of a standby that is not promoted yet, and the operating system's: it may
 * work the next time.
 */
const passingFaults = /^(08|57P|53|25006|40001|40P01|55P03|ECONN|ETIMEDOUT|EPIPE)/;
/** Of PostgreSQL and of the operating system. */
const fullDisk = /^(53100|ENOSPC|EDQUOT)$/;
/** What `pg` says of a connection that is lost, without a code. */
const lostConnection = /^(Connection terminated|Client has encountered a connection error)/;

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";

const isUnreachable = (error: unknown): boolean =>
  cannotConnect(error) || (error instanceof Error && lostConnection.test(error.message));

const faultOf = (error: unknown): ProblemCode => {
  const code = codeOf(error);
  if (fullDisk.test(code)) return "STORAGE_FULL";
  return passingFaults.test(code) || isUnreachable(error) ? "UNAVAILABLE" : "INTERNAL";
};

/** What Node says where a client went away before it had sent its request: nobody's fault here, though its code is a lost connection's. */
const isCutOff = (error: unknown): boolean =>
  error instanceof Error && error.message === "aborted" && codeOf(error) === "ECONNRESET";

const asProblem = (error: unknown): Problem => {
  if (error instanceof Problem) return error;
  const known = isCutOff(error) ? "MALFORMED_JSON" : frameworkProblems[codeOf(error)];
  return new Problem(known ?? faultOf(error), [], { cause: error });
};

/** The error reply of m3ter semantics 2.8. */
const replyOf = (problem: Problem) => {
  const definition: { status: number; retryable?: boolean } = problems[problem.code];
  const { status } = definition;
  return {
    status,
    shouldRetry: definition.retryable === true ? "true" : "false",
    body: {
      message: problem.message,
      errorCode: problem.code,
      statusCode: status,
      ...(problem.fields.length === 0 ? {} : { errors: problem.fields }),
    },
  };
};

export const sendProblem = (reply: FastifyReply, problem: Problem): FastifyReply => {
  const { status, shouldRetry, body } = replyOf(problem);
  return reply.code(status).header("x-should-retry", shouldRetry).send(body);
};

/** What Node itself could not read as a request, in our words. */
const unreadable: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: "HEADERS_TOO_LARGE",
  ERR_HTTP_REQUEST_TIMEOUT: "REQUEST_TIMEOUT",
};

/** The last word on a connection that sent something else than a request. */
export const refuseUnreadable = (error: Error, socket: Socket): void => {
  const code = codeOf(error);
  if (code !== "ECONNRESET" && socket.writable) {
    const reply = replyOf(new Problem(unreadable[code] ?? "MALFORMED_REQUEST"));
    const body = JSON.stringify(reply.body);
    const head = [
      `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ""}`,
      "content-type: application/json; charset=utf-8",
      `content-length: ${Buffer.byteLength(body)}`,
      `x-should-retry: ${reply.shouldRetry}`,
      "connection: close",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  }
  socket.destroy(error);
};

/**
 * Only a mistake of ours needs its stack. Where the database is away or the disk is full, thousands of requests a second say
 * the same.
 */
const logFault = (log: FastifyRequest["log"], problem: Problem): void => {
  const { code, cause } = problem;
  const fault = cause instanceof Error ? cause : problem;
  if (code === "INTERNAL") log.error({ err: fault }, "request failed");
  else if (problems[code].status >= 500) log.warn({ reason: fault.message }, "request failed");
};

/** Every error of every route ends here; what is our fault is logged, once. */
export const sendError = async (
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> => {
  if (!request.raw.complete) await drain(request);
  const problem = asProblem(error);
  logFault(request.log, problem);
  return sendProblem(reply, problem);
};
