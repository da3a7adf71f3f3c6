import type { Handlers } from "./handler.ts";

/** What mappings may name. Tables are not restricted: any name of the other system will do. */
const mappable = [
  "Account",
  "AccountPlan",
  "Bill",
  "Commitment",
  "Contract",
  "Meter",
  "Plan",
  "Product",
];
const systems = ["Salesforce", "Stripe", "NetSuite", "Xero", "QuickBooks", "Chargebee", "Paddle"];

export const getExternalMappingConfiguration: Handlers["getExternalMappingConfiguration"] =
  async () => ({
    m3terEntities: mappable,
    externalSystems: systems.map((name) => ({ name, tables: [], allowCustomExternalTables: true })),
  });

/** Empty until a connector is authenticated with the system (m3ter's own words for it). */
export const listExternalEntities: Handlers["listExternalEntities"] = async () => [];

export const listExternalEntitiesOfCredentials: Handlers["listExternalEntitiesOfCredentials"] =
  async () => [];
