import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { promisify } from "node:util";

interface User {
  readonly uid: number;
  readonly gid: number;
}

interface Command {
  readonly file: string;
  readonly args: string[];
  readonly options: Partial<User>;
}

/** How programs are run that refuse to run as root. */
export interface Unprivileged {
  /** Whose their files are to be; undefined where they run as whoever runs this server. */
  readonly user: User | undefined;
  /** What to run in the place of a command, with which options of the process. */
  readonly as: (file: string, args: readonly string[]) => Command;
}

const run = promisify(execFile);
const userName = "postgres";

/**
 * Root lends the programs another user. Where that one may not enter the folder of their data, such as root's home, or
 * may not run them, it gets the right to look into every folder, or where that is not enough, to open every file.
 */
export const unprivileged = async (program: string, folder: string): Promise<Unprivileged> => {
  if (process.getuid?.() !== 0)
    return { user: undefined, as: (file, args) => ({ file, args: [...args], options: {} }) };
  const user = await lentUser();
  const closed = await firstClosed(user, folder);
  const plain: Unprivileged = {
    user,
    as: (file, args) => ({ file, args: [...args], options: user }),
  };
  const ways = [...(closed === undefined ? [plain] : []), ...rights.map(withRight(user))];
  for (const way of ways) if (await runs(way, program)) return way;
  throw new Error(
    `the embedded database runs as the user ${userName}, who may not enter ${closed ?? dirname(program)}: ` +
      "allow it (chmod o+x), use another folder, or set DATABASE_URL",
  );
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

/** Of the folder and all that it is in. */
const firstClosed = async (user: User, folder: string): Promise<string | undefined> => {
  const path = resolve(folder);
  if (!(await mayEnter(user, path))) return path;
  return dirname(path) === path ? undefined : firstClosed(user, dirname(path));
};

/** The right to enter, in the mode of a folder, for its owner, its group and others. */
const mayEnter = async (user: User, folder: string): Promise<boolean> => {
  const { mode, uid, gid } = await stat(folder);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  return (mode & (gid === user.gid ? 0o010 : 0o001)) !== 0;
};

/** Containers often have the second only. */
const rights = ["dac_read_search", "dac_override"];

/** With one right of Linux and none else. */
const withRight =
  (user: User) =>
  (right: string): Unprivileged => {
    const flags = [
      `--reuid=${user.uid}`,
      `--regid=${user.gid}`,
      "--clear-groups",
      // Without it access(2) does not count the right, by which initdb looks for its programs.
      "--securebits=+no_setuid_fixup",
      ...["bounding-set", "inh-caps", "ambient-caps"].map((set) => `--${set}=-all,+${right}`),
    ];
    return {
      user,
      as: (file, args) => ({ file: "setpriv", args: [...flags, file, ...args], options: {} }),
    };
  };

/** By a shell, which has no other rights than the program will have when it starts others. */
const runs = async ({ as }: Unprivileged, program: string): Promise<boolean> => {
  const { file, args, options } = as("sh", ["-c", '"$0" --version', program]);
  return run(file, args, options).then(
    () => true,
    () => false,
  );
};
