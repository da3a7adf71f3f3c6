import { resolve } from "node:path";

interface Setting {
  readonly name: string;
  /** What holds when it is absent. */
  readonly fallback: string | undefined;
  readonly reason: string;
}

/** Every setting of the server. `docs/configuration.md` is printed from this table. */
export const settings = {
  port: {
    name: "TURNPIKE_PORT",
    fallback: "8080",
    reason:
      "Where the server listens; 0 takes any free port (see server.json in the data directory).",
  },
  host: {
    name: "TURNPIKE_HOST",
    fallback: "127.0.0.1",
    reason: "The address to listen on; loopback until you decide otherwise.",
  },
  publicUrl: {
    name: "TURNPIKE_PUBLIC_URL",
    fallback: undefined,
    reason:
      "Where clients reach the server, such as `https://billing.example.com`: what links to files begin with. When absent they begin with the Host header of the request that asks for them, so set it where others than trusted clients reach the server or a proxy rewrites the header.",
  },
  dataDir: {
    name: "TURNPIKE_DATA_DIR",
    fallback: "./.turnpike",
    reason: "All state. One server per directory.",
  },
  orgId: {
    name: "TURNPIKE_ORG_ID",
    fallback: undefined,
    reason:
      "The first organization, created at the first start; generated when absent. The command line makes others, and works for the one that is named here.",
  },
  accessKey: {
    name: "TURNPIKE_ACCESS_KEY",
    fallback: undefined,
    reason: "The access key of the first service user; generated when absent.",
  },
  apiSecret: {
    name: "TURNPIKE_API_SECRET",
    fallback: undefined,
    reason:
      "The secret of that key; when absent it is generated and written to credentials.json in the data directory.",
  },
  secretKeys: {
    name: "TURNPIKE_SECRET_KEYS",
    fallback: undefined,
    reason:
      "Keys of 64 hexadecimal digits, separated by commas, that seal the credentials of webhooks and integrations and the keys that sign tokens and links: the first seals, all open. When absent one is generated and written to secret.key in the data directory; servers that share a database need the same.",
  },
  databaseUrl: {
    name: "DATABASE_URL",
    fallback: undefined,
    reason:
      "An external PostgreSQL, 14 or newer, instead of the embedded one. Of servers that share it the first to start meters and bills; the others only decide.",
  },
  connectionsMax: {
    name: "TURNPIKE_DATABASE_CONNECTIONS_MAX",
    fallback: "17",
    reason:
      "How many connections to PostgreSQL this server makes at most, 5 or more: one hears of changes, the others share the requests, which wait for each other.",
  },
  logLevel: {
    name: "TURNPIKE_LOG_LEVEL",
    fallback: "info",
    reason: "trace, debug, info, warn, error or silent.",
  },
  bodyBytesMax: {
    name: "TURNPIKE_BODY_BYTES_MAX",
    fallback: "1048576",
    reason: "The largest other request; larger ones answer 413.",
  },
  ingestBodyBytesMax: {
    name: "TURNPIKE_INGEST_BODY_BYTES_MAX",
    fallback: "4194304",
    reason:
      "The largest measurements request; larger ones answer 403, as m3ter's do. So large may batches of authorizations and reports of leases be, too; larger ones answer 413.",
  },
} as const satisfies Record<string, Setting>;

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Without a slash at the end. */
  readonly publicUrl: string | undefined;
  /** Absolute. */
  readonly dataDir: string;
  readonly orgId: string | undefined;
  readonly accessKey: string | undefined;
  readonly apiSecret: string | undefined;
  readonly secretKeys: string | undefined;
  readonly databaseUrl: string | undefined;
  /** One of them listens. */
  readonly connectionsMax: number;
  readonly logLevel: LogLevel;
  readonly bodyBytesMax: number;
  readonly ingestBodyBytesMax: number;
}

/** A setting that cannot be used; the process ends with its message. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

const isPublicUrl = (text: string): boolean => {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return !/[?#\s]/.test(text) && url.username === "" && url.password === "";
};

/** The only reader of the environment. Throws ConfigError naming the setting and what it wants. */
export const readConfig = (environment: Environment): Config => {
  const text = ({ name, fallback }: Setting): string | undefined => {
    const given = environment[name];
    return given === undefined || given === "" ? fallback : given;
  };
  const whole = (setting: Setting, most: number, least = 0): number => {
    const given = text(setting) ?? "";
    const value = Number(given);
    if (/^\d+$/.test(given) && value >= least && value <= most) return value;
    throw new ConfigError(
      `${setting.name} must be a whole number from ${least} to ${most}, not "${given}"`,
    );
  };
  const level = (): LogLevel => {
    const given = text(settings.logLevel);
    const known = logLevels.find((candidate) => candidate === given);
    if (known !== undefined) return known;
    throw new ConfigError(`${settings.logLevel.name} must be one of ${logLevels.join(", ")}`);
  };
  if ((text(settings.accessKey) === undefined) !== (text(settings.apiSecret) === undefined)) {
    throw new ConfigError(
      `${settings.accessKey.name} and ${settings.apiSecret.name} must be given together`,
    );
  }
  const orgId = text(settings.orgId)?.toLowerCase();
  if (orgId !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(orgId)) {
    throw new ConfigError(`${settings.orgId.name} must be a UUID, not "${orgId}"`);
  }
  const publicUrl = text(settings.publicUrl);
  if (publicUrl !== undefined && !isPublicUrl(publicUrl)) {
    throw new ConfigError(
      `${settings.publicUrl.name} must be an http or https URL without query, not "${publicUrl}"`,
    );
  }
  const databaseUrl = text(settings.databaseUrl);
  // It holds a password, which nobody is told.
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl))
    throw new ConfigError(
      `${settings.databaseUrl.name} must begin with postgres:// or postgresql://`,
    );
  const gigabyte = 1_073_741_824;
  return {
    port: whole(settings.port, 65_535),
    host: text(settings.host) ?? settings.host.fallback,
    publicUrl: publicUrl?.replace(/\/+$/, ""),
    dataDir: resolve(text(settings.dataDir) ?? settings.dataDir.fallback),
    orgId,
    accessKey: text(settings.accessKey),
    apiSecret: text(settings.apiSecret),
    secretKeys: text(settings.secretKeys),
    databaseUrl,
    connectionsMax: whole(settings.connectionsMax, 1000, 5),
    logLevel: level(),
    bodyBytesMax: whole(settings.bodyBytesMax, gigabyte),
    ingestBodyBytesMax: whole(settings.ingestBodyBytesMax, gigabyte),
  };
};
