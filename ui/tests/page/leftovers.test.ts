// A person with uploads that are left half done on services: has them go on, drops them, all of them, by mouse and by keys.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { Site, violations } from './site';

let site: Site;
beforeAll(async () => {
	site = await Site.start();
});
afterAll(async () => {
	expect(site.complaints).toEqual([]);
	await site.stop();
});

it('says that nothing is left, or nothing at all before the first account', async () => {
	const page = await site.open({ query: 'rows=0' });
	await page.getByTestId('view-accounts').click();
	await page.getByTestId('leftovers').getByText('Nothing is left half done').waitFor();
	const bare = await site.open({ query: 'rows=0&accounts=0' });
	await bare.getByTestId('view-accounts').click();
	await bare.getByText('No accounts yet').waitFor();
	expect(await bare.getByTestId('leftovers').count()).toBe(0);
});

it('tells what is left and why, goes on with one and drops the others', async () => {
	const page = await site.open({ query: 'rows=0&leftovers=3' });
	await page.getByTestId('view-accounts').click();
	const left = page.getByTestId('leftover');
	await left.getByText('team-wiki · 120 MB of 480 MB sent · begun 3 days ago · the service forgets it in 4 days').waitFor();
	await left.getByText('Enter a valid key for this account, then drop it.').waitFor();
	await left.getByText('Skylift tries again at').waitFor();
	expect(await page.getByTestId('leftover-retry').count()).toBe(1);

	await page.getByRole('button', { name: 'Retry: conference-keynote-4k.mov' }).click();
	await expect.poll(() => left.count()).toBe(2);
	await page.getByRole('button', { name: 'Drop: backup 2026-11-18.tar.zst' }).click();
	await expect.poll(() => left.count()).toBe(1);
	expect(await page.getByTestId('leftovers-drop-all').count()).toBe(0);
	await page.getByTestId('view-queue').click();
	await page.locator('[data-testid=row][data-phase=uploading]').getByText('conference-keynote').waitFor();
});

it('asks before what could go on is dropped, with the keyboard alone', async () => {
	const page = await site.open({ query: 'rows=0&leftovers=4' });
	const at = `document.activeElement.dataset.testid ?? document.activeElement.textContent`;
	const left = page.getByTestId('leftover');
	await page.getByTestId('view-accounts').focus();
	await page.keyboard.press('Enter');
	await left.first().waitFor();
	for (let n = 0; n < 40 && (await page.evaluate(at)) !== 'leftover-drop'; n += 1) await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	await page.getByTestId('leftovers-dialog').getByText('cannot go on from there').waitFor();
	await page.keyboard.press('Escape');
	await expect.poll(() => page.evaluate(at)).toBe('leftover-drop');
	expect(await left.count()).toBe(4);
	await page.keyboard.press('Enter');
	await page.getByTestId('leftovers-confirm').focus();
	await page.keyboard.press('Enter');
	await expect.poll(() => left.count()).toBe(3);
	await expect.poll(() => page.evaluate(at)).toBe('leftover-drop');

	await page.getByTestId('leftovers-drop-all').focus();
	await page.keyboard.press('Enter');
	await page.getByTestId('leftovers-confirm').focus();
	await page.keyboard.press('Enter');
	await page.getByTestId('leftovers').getByText('Nothing is left half done').waitFor();
	await expect.poll(() => page.evaluate(at)).toBe('Left on services');
});

it.each([
	['200 % at the least window', { width: 280, height: 200 }],
	['the least window', { width: 560, height: 400 }],
])('stays usable with many at %s', async (_, size) => {
	const page = await site.open({ query: 'rows=0&leftovers=400', size });
	await page.getByTestId('view-accounts').click();
	await page.getByTestId('leftover').first().waitFor();
	expect(await page.getByTestId('leftover').count()).toBeLessThan(40);
	expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
	expect(await page.getByTestId('accounts').evaluate((it) => it.scrollWidth <= it.clientWidth)).toBe(true);
	await page.getByTestId('leftover-drop').nth(2).click({ trial: true });
	expect(await violations(page)).toEqual([]);
});
