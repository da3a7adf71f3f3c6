import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Access, Operation, Request } from "@turnpike/contract/operation.ts";
import { operations, type OperationId } from "@turnpike/contract/operations.ts";
import { validate } from "@turnpike/contract/validation.ts";
import type { Permissions } from "../access/permissions.ts";
import { FileReply, type World } from "../operations/handler.ts";
import { handlers } from "../operations/index.ts";
import { originOf } from "./origin.ts";
import {
  formOrJsonBody,
  jsonBody,
  optionalJsonBody,
  pathParams,
  queryParams,
  rawBody,
  streamedBody,
} from "./requests.ts";
import { routePath } from "./resource-routes.ts";

const operationIds = Object.keys(operations).filter(
  (name): name is OperationId => name in operations,
);

const bodyReaders = {
  json: jsonBody,
  "json or form": formOrJsonBody,
  "json or nothing": optionalJsonBody,
  raw: jsonBody,
  stream: jsonBody,
} as const;

/**
 * What few handlers look at is worked out when they look. A class, because an object that is written with accessors
 * takes microseconds to make.
 */
class OperationRequest implements Request<Operation> {
  readonly orgId: string;
  readonly principal: string;
  readonly accessKey: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Request<Operation>["query"];
  readonly body: Request<Operation>["body"];
  readonly #request: FastifyRequest;
  readonly #publicUrl: string | undefined;

  constructor(request: FastifyRequest, operation: Operation, publicUrl: string | undefined) {
    const { principal } = request;
    const readBody = bodyReaders[operation.accepts ?? "json"];
    this.orgId = principal?.orgId ?? "";
    this.principal = principal?.serviceUserId ?? "";
    this.accessKey = principal?.accessKey ?? "";
    this.params = pathParams(request);
    this.query = operation.query && validate(operation.query, queryParams(request));
    this.body = operation.body && validate(operation.body, readBody(request));
    this.#request = request;
    this.#publicUrl = publicUrl;
  }

  get origin(): string {
    return originOf(this.#request, this.#publicUrl);
  }

  get raw(): Request<Operation>["raw"] {
    const { headers } = this.#request;
    return {
      body: rawBody(this.#request),
      contentType: headers["content-type"],
      contentEncoding: headers["content-encoding"],
    };
  }

  get stream(): AsyncIterable<Uint8Array> {
    return streamedBody(this.#request);
  }
}

const accessOf = (operation: Operation): Access =>
  operation.access === "organization"
    ? {
        access: operation.access,
        permission: operation.permission,
        ...(operation.takesKey === undefined ? {} : { takesKey: operation.takesKey }),
      }
    : { access: operation.access };

/** A file with its name and type; anything else is JSON. */
const send = (reply: FastifyReply, answer: unknown): unknown => {
  if (!(answer instanceof FileReply)) return answer;
  const { name, contentType, body } = answer;
  return reply
    .type(contentType)
    .header("content-disposition", `attachment; filename="${name}"`)
    .header("cache-control", "private, no-store")
    .send(typeof body === "string" ? body : Readable.from(body));
};

/** Whose what a request asks for is, only its path, query and body together say. */
const checkNamed = async (
  permissions: Permissions,
  { principal, routeOptions }: FastifyRequest,
  asked: OperationRequest,
): Promise<void> => {
  const { permission } = routeOptions.config;
  if (principal === undefined || permission === undefined || permission === "none") return;
  if (permission.names === undefined) return;
  await permissions.checkNamed(principal, permission, () => {
    const { params, query, body } = asked;
    return { ...(typeof body === "object" ? body : undefined), ...query, ...params };
  });
};

/** The routes that are not verbs of a resource. */
export const mountOperations = (
  app: FastifyInstance,
  {
    world,
    permissions,
    publicUrl,
    ingestBodyBytesMax,
  }: {
    readonly world: World;
    readonly permissions: Permissions;
    readonly publicUrl: string | undefined;
    readonly ingestBodyBytesMax: number;
  },
): void => {
  for (const id of operationIds) {
    const operation: Operation = operations[id];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table pairs each handler with its own operation, which the type of a loop cannot say
    const handle = handlers[id] as (request: unknown, world: World) => Promise<unknown>;
    const isIngest = operation.accepts === "raw";
    const isLarge = isIngest || operation.holdsMeasurements === true;
    app.route({
      method: operation.method,
      url: routePath(operation.path),
      config: { ...accessOf(operation), isIngest, isStreamed: operation.accepts === "stream" },
      ...(isLarge ? { bodyLimit: ingestBodyBytesMax } : {}),
      handler: async (request, reply) => {
        const answer = async (): Promise<unknown> => {
          const asked = new OperationRequest(request, operation, publicUrl);
          await checkNamed(permissions, request, asked);
          return handle(asked, world);
        };
        const takesTurns = operation.holdsMeasurements === true;
        const { length } = rawBody(request);
        return send(reply, await (takesTurns ? world.doors.deciding(length, answer) : answer()));
      },
    });
  }
};
