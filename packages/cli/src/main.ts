import { parseArgs } from "node:util";
import { managedPolicies } from "@turnpike/contract/access/permission-policy.ts";
import { type Config, readConfig } from "@turnpike/server/config.ts";
import { type Api, withApi } from "./api.ts";
import { createKey, deleteKey, listKeys } from "./keys.ts";
import { exportUsage, verifyUsage } from "./ledger.ts";
import { createOrganization, listOrganizations } from "./organizations.ts";
import { adoptUsage } from "./usage.ts";
import { verifyWallets } from "./wallets.ts";

interface Given {
  readonly name: string;
  readonly policy: string;
  readonly rest: readonly string[];
}

const commands: Readonly<Record<string, (api: Api, given: Given) => Promise<unknown>>> = {
  "keys create": createKey,
  "keys list": listKeys,
  "keys delete": (api, { rest: [accessKey = ""] }) => deleteKey(api, accessKey),
};

/** Commands for the files of a server that is stopped. */
const fileCommands: Readonly<Record<string, (config: Config, given: Given) => Promise<unknown>>> = {
  "ledger verify": (config) => verifyUsage(config),
  "ledger export": (config, { rest: [file] }) => exportUsage(config, file),
  "organizations create": createOrganization,
  "organizations list": listOrganizations,
  "usage adopt": (config) => adoptUsage(config),
  "wallets verify": (config) => verifyWallets(config),
};

const usage = `Usage: npm run turnpike -- keys create [--name NAME] [--policy POLICY]
       npm run turnpike -- keys list
       npm run turnpike -- keys delete ACCESS_KEY
       npm run turnpike -- ledger verify
       npm run turnpike -- ledger export FILE
       npm run turnpike -- organizations create
       npm run turnpike -- organizations list
       npm run turnpike -- usage adopt
       npm run turnpike -- wallets verify
`;

const run = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: "string", default: "Made by the command line" },
      policy: { type: "string", default: managedPolicies.administrator.name },
    },
  });
  const [noun = "", verb = "", ...rest] = positionals;
  const command = commands[`${noun} ${verb}`];
  const fileCommand = fileCommands[`${noun} ${verb}`];
  if (command === undefined && fileCommand === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const config = readConfig(process.env);
  const given = { ...values, rest };
  const result =
    command === undefined
      ? await fileCommand?.(config, given)
      : await withApi(config, (api) => command(api, given));
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  return 0;
};

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
