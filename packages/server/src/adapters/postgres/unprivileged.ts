import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** As whom programs run that refuse to run as root. */
export interface Unprivileged {
  /** Whose their files are to be; undefined where they run as whoever runs this server. */
  readonly user: User | undefined;
  /** What to run in the place of a command, with which options of the process. */
  readonly as: (file: string, args: readonly string[]) => Command;
}

interface Command {
  readonly file: string;
  readonly args: string[];
  readonly options: Partial<User>;
}

const run = promisify(execFile);
const userName = "postgres";

/**
 * Root lends its programs another user. Where that one may not enter the folders that they need, such as root's home,
 * it gets the right to look into every folder, and none else of what root may.
 */
export const unprivileged = async (folders: readonly string[]): Promise<Unprivileged> => {
  if (process.getuid?.() !== 0)
    return { user: undefined, as: (file, args) => ({ file, args: [...args], options: {} }) };
  const user = await lentUser();
  const closed = await firstClosed(user, folders);
  if (closed === undefined)
    return { user, as: (file, args) => ({ file, args: [...args], options: user }) };
  const flags = await enteringFlags(user);
  if (flags === undefined)
    throw new Error(
      `the embedded database runs as the user ${userName}, who may not enter ${closed}: ` +
        `allow it (chmod o+x ${closed}), use another folder, or set DATABASE_URL`,
    );
  return {
    user,
    as: (file, args) => ({ file: "setpriv", args: [...flags, file, ...args], options: {} }),
  };
};

const lentUser = async (): Promise<User> => {
  try {
    return await idsOf(userName);
  } catch {
    await run("useradd", ["--system", "--user-group", userName]);
    return idsOf(userName);
  }
};

const idsOf = async (name: string): Promise<User> => {
  const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
};

/** The folder and all that it is in. */
const upwards = (folder: string): string[] => {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
};

const firstClosed = async (user: User, folders: readonly string[]): Promise<string | undefined> => {
  for (const folder of new Set(folders.flatMap((path) => upwards(resolve(path)))))
    if (!(await mayEnter(user, folder))) return folder;
  return undefined;
};

/** The right to enter, in the mode of a folder, for its owner, its group and others. */
const mayEnter = async (user: User, folder: string): Promise<boolean> => {
  const { mode, uid, gid } = await stat(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  return (mode & (gid === user.gid ? 0o010 : 0o001)) !== 0;
};

/** By their numbers in /proc; the first is enough, containers often have the second only. */
const rights = [
  { name: "dac_read_search", bit: 2n },
  { name: "dac_override", bit: 1n },
];

/** How `setpriv` of Linux lends one right and no other; undefined where that is not to be had. */
const enteringFlags = async ({ uid, gid }: User): Promise<string[] | undefined> => {
  const status = await readFile("/proc/self/status", "latin1").catch(() => "");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const right = rights.find(({ bit }) => (effective & (1n << bit)) !== 0n);
  if (right === undefined) return undefined;
  const flags = [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    "--clear-groups",
    // Without it access(2) does not count the right, by which initdb looks for its programs.
    "--securebits=+no_setuid_fixup",
    ...["bounding-set", "inh-caps", "ambient-caps"].map((set) => `--${set}=-all,+${right.name}`),
  ];
  const isHad = await run("setpriv", [...flags, "true"]).then(
    () => true,
    () => false,
  );
  return isHad ? flags : undefined;
};
