// Every view in light and dark, large and small: axe's judgment of each, and with SKYLIFT_PICTURES pictures for people.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PICTURES, Site, violations } from './site';

let site: Site;
beforeAll(async () => {
	site = await Site.start();
});
afterAll(async () => {
	expect(site.complaints).toEqual([]);
	await site.stop();
});

const click = (page: Page, testid: string): Promise<void> => page.getByTestId(testid).first().click();

const SCENES: Record<string, { query: string; show?: (page: Page) => Promise<void> }> = {
	'empty-first-run': { query: 'rows=0&accounts=0' },
	empty: { query: 'rows=0' },
	'three-rows': { query: 'rows=3' },
	'all-states': { query: 'rows=11' },
	'ten-thousand-rows': { query: 'rows=10000' },
	'hostile-names': { query: 'rows=0&hostile=1' },
	selection: {
		query: 'rows=11',
		show: async (page) => {
			await page.getByTestId('row').nth(0).click();
			await page
				.getByTestId('row')
				.nth(3)
				.click({ modifiers: ['Shift'] });
		},
	},
	'row-menu': { query: 'rows=11', show: (page) => page.getByTestId('row').nth(5).getByTestId('row-menu').click() },
	'retry-confirm': {
		query: 'rows=12',
		show: async (page) => {
			await page.getByTestId('row').nth(11).getByTestId('row-retry').click();
			await page.getByTestId('retry-dialog').waitFor();
		},
	},
	'details-done': {
		query: 'rows=11',
		show: async (page) => {
			await page.getByTestId('row').nth(2).dblclick();
			await page.getByTestId('receipt').waitFor();
		},
	},
	'details-failed': {
		query: 'rows=11',
		show: async (page) => {
			await page.getByTestId('row').nth(1).dblclick();
			await page.getByTestId('details').getByText('first cause').waitFor();
		},
	},
	'details-moving': {
		query: 'rows=11',
		show: async (page) => {
			await page.getByTestId('row').nth(5).dblclick();
			await page.getByTestId('parts').waitFor();
		},
	},
	accounts: { query: 'rows=11', show: (page) => click(page, 'view-accounts') },
	'account-test-refused': {
		query: 'rows=11',
		show: async (page) => {
			await click(page, 'view-accounts');
			await page.getByTestId('account-retest').nth(0).click();
			await page.getByTestId('findings').waitFor();
			await page.getByTestId('account-retest').nth(2).click();
			await page.getByTestId('fault').waitFor();
		},
	},
	'leftovers-three': { query: 'rows=3&accounts=1&leftovers=3', show: (page) => click(page, 'view-accounts') },
	'leftovers-many': { query: 'rows=3&accounts=1&leftovers=400', show: (page) => click(page, 'view-accounts') },
	'leftovers-confirm': {
		query: 'rows=3&leftovers=3',
		show: async (page) => {
			await click(page, 'view-accounts');
			await click(page, 'leftovers-drop-all');
		},
	},
	'add-account': { query: 'rows=3', show: (page) => click(page, 'add-account') },
	'add-account-refused': {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'add-account');
			await page.getByTestId('account-service').selectOption('empirical');
			await page.getByTestId('account-key').fill('bad key');
			await click(page, 'account-test');
			await page.getByTestId('option-project_id').fill('12');
			await click(page, 'account-test');
			await page.getByTestId('fault').waitFor();
		},
	},
	choose: {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'add-files');
			await page.getByTestId('more-options').click();
		},
	},
	import: { query: 'rows=3', show: (page) => click(page, 'import') },
	settings: {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'settings');
			await page.getByText('Keychain', { exact: true }).waitFor();
		},
	},
	keys: { query: 'rows=3', show: (page) => click(page, 'keys') },
	'cancel-confirm': { query: 'rows=11', show: (page) => page.getByTestId('row-cancel').first().click() },
	'remove-confirm': {
		query: 'rows=3&leftovers=1',
		show: (page) => page.getByTestId('row').filter({ hasText: 'conference-keynote' }).getByTestId('row-remove').click(),
	},
	'folders-none': { query: 'rows=3', show: (page) => click(page, 'view-folders') },
	'folders-three': { query: 'rows=3&folders=3', show: (page) => click(page, 'view-folders') },
	'folders-many': { query: 'rows=3&folders=40', show: (page) => click(page, 'view-folders') },
	'folder-gone': {
		query: 'rows=3&folders=6',
		show: (page) => page.locator('[data-testid=rail-folder][data-state=gone]').click(),
	},
	'folder-problems': { query: 'rows=3&folders=6', show: (page) => page.getByTestId('rail-folder').nth(3).click() },
	'watch-folder': {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'add-watched');
			await click(page, 'folder-pick');
			await page.getByTestId('folder-pick-path').waitFor();
		},
	},
	'watch-folder-rules': {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'add-watched');
			await page.getByTestId('folder-include').fill('*.mov\n*.mp4');
			await page.getByTestId('folder-exclude').fill('raw/');
			await click(page, 'folder-more');
			await page.getByTestId('folder-test').fill('raw/film.mov');
			await page.getByTestId('folder-verdict').getByText('excluded by raw/').waitFor();
			await page.getByTestId('folder-after-move').check();
		},
	},
	'watch-folder-refused': {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'add-watched');
			await page.getByTestId('folder-exclude').fill('[z-a]');
			await page.getByText('cannot be read').waitFor();
			await click(page, 'folder-save');
		},
	},
	'watch-folder-preview': {
		query: 'rows=3',
		show: async (page) => {
			await click(page, 'add-watched');
			await click(page, 'folder-pick');
			await page.getByTestId('folder-pick-path').waitFor();
			await page.getByTestId('folder-start-new').check();
			await click(page, 'folder-look');
			await page.getByTestId('preview-row').first().waitFor();
		},
	},
	'folder-preview': {
		query: 'rows=3&folders=6',
		show: async (page) => {
			await click(page, 'view-folders');
			await click(page, 'folder-preview');
			await page.getByTestId('preview-row').first().waitFor();
			await click(page, 'fate-excluded');
		},
	},
	'edit-folder': {
		query: 'rows=3&folders=6',
		show: async (page) => {
			await click(page, 'view-folders');
			await click(page, 'folder-edit');
			await page.getByTestId('folder-target-path').waitFor();
		},
	},
	'remove-folder': {
		query: 'rows=3&folders=3',
		show: async (page) => {
			await click(page, 'view-folders');
			await click(page, 'folder-remove');
		},
	},
	'choose-folder': { query: 'rows=3', show: (page) => click(page, 'add-folder') },
	'drop-overlay': { query: 'rows=3', show: (page) => page.dispatchEvent('body', 'dragenter') },
};

const LOOKS = [
	['light', 'large', 1280, 800],
	['dark', 'large', 1280, 800],
	['light', 'small', 600, 420],
	['dark', 'small', 600, 420],
] as const;
/** Once in each theme and once in each size: colors do not depend on the size, nor places on the theme. */
const JUDGED = [LOOKS[0], LOOKS[3]];

for (const [name, { query, show }] of Object.entries(SCENES)) {
	it(`shows ${name} and axe finds nothing`, async () => {
		const page = await site.open({ query });
		await show?.(page);
		for (const [theme, size, width, height] of process.env.SKYLIFT_PICTURES ? LOOKS : JUDGED) {
			await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
			await page.setViewportSize({ width, height });
			if (process.env.SKYLIFT_PICTURES) await page.screenshot({ path: `${PICTURES}/${name}-${theme}-${size}.png` });
			expect(await violations(page)).toEqual([]);
		}
	});
}
