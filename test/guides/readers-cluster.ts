import { startTestCluster, type TestCluster } from '../support/cluster.js';

/** The cluster of a guide's reader: nothing was done to it for backups, and its database `shop` has 1,000 orders. */
export async function startReadersCluster(scratch: string): Promise<TestCluster> {
  const source = await startTestCluster(scratch);
  const postgres = await source.connect();
  await postgres.query('create database shop');
  await postgres.end();
  const shop = await source.connect({ dbname: 'shop' });
  await shop.query('create table orders (id int primary key); insert into orders select generate_series(1, 1000)');
  await shop.end();
  return source;
}
