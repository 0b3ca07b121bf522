import { render, screen } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import { fake } from '../../src/backend/fake';
import { Desk } from '../../src/state/desk.svelte';
import SettingsDialog from '../../src/views/SettingsDialog.svelte';

it('the settings show every check, also several of the same name', async () => {
	render(SettingsDialog, { desk: new Desk(fake({ rows: 0 })), onclose: () => undefined });
	expect(await screen.findAllByText('Watch limit')).toHaveLength(2);
	expect(screen.getByText('Keychain')).toBeTruthy();
});
