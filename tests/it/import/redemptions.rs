//! Redemptions.

use rewarddesk::app::import_file::Kind;

on_both! {
    fn a_redemption_is_recorded_and_counted_once(world) {
        world.vouchers("Autumn", "code\nTwo-Uses\n");
        let file = "code,redeemed_at,order_id\n two-uses ,2026-11-01T10:00:00+01:00,O-1\nTWO-USES,2026-11-02,\n";
        assert_eq!(world.redemptions(file).counts(), [2, 0, 0, 0]);
        let before = world.picture();
        assert_eq!(world.redemptions(file).counts(), [0, 0, 2, 0]);
        assert_eq!(world.picture(), before);
        assert_eq!(
            world.texts(&format!("SELECT {} || ' ' || order_id AS t FROM redemptions ORDER BY id", world.shown("redeemed_at"))),
            ["2026-11-01 09:00:00 O-1", "2026-11-02 00:00:00 "]
        );
        let said = world.redemptions("code,redeemed_at\ntwo-uses,2026-11-03\nnone-such,2026-11-03\ntwo-uses,2026-11-02\n");
        assert_eq!(said.counts(), [0, 0, 1, 2]);
        assert_eq!(said.reasons(), [(2, "the coupon is fully redeemed already (2 of 2)"), (3, "no voucher of this merchant has this code")]);
        assert_eq!(world.count("coupons WHERE redemptions = 2"), 1);
    }

    fn uses_that_came_with_the_vouchers_get_their_details_without_counting_again(world) {
        world.vouchers("Spring", "code,redemptions\nUSED-1,1\n");
        let file = "code,redeemed_at,order_id\nUSED-1,2026-11-01,O-1\nUSED-1,2026-11-02,O-2\n";
        let said = world.redemptions(file);
        assert_eq!(said.reasons(), [(3, "the coupon is fully redeemed already (1 of 1)")]);
        assert_eq!(world.redemptions(file).counts(), [0, 0, 1, 1]);
        assert_eq!(world.count("coupons WHERE redemptions = 1"), 1);
        assert_eq!(world.count("redemptions"), 1);
    }

    fn a_use_from_before_the_vouchers_file_is_one_of_those_it_counted_and_a_later_one_is_its_own(world) {
        world.vouchers("Exact", "code,max_redemptions,redemptions\nMANY-1,5,2\n");
        assert_eq!(world.redemptions("code,redeemed_at\nMANY-1,2001-02-01\nMANY-1,2001-02-02\n").counts(), [2, 0, 0, 0]);
        assert_eq!(world.count("coupons WHERE redemptions = 2"), 1);
        assert_eq!(world.redemptions("code,redeemed_at\nMANY-1,2001-02-03\nMANY-1,2098-02-01\n").counts(), [2, 0, 0, 0]);
        assert_eq!(world.count("coupons WHERE redemptions = 4"), 1);
    }

    fn the_same_row_twice_in_a_file_is_one_redemption(world) {
        world.vouchers("Autumn", "code\nAAA\n");
        assert_eq!(world.redemptions("code,redeemed_at\nAAA,2026-11-01\naaa,2026-11-01\n").counts(), [1, 0, 1, 0]);
        assert_eq!(world.count("coupons WHERE redemptions = 1"), 1);
    }

    fn what_is_no_redemption_is_a_reject(world) {
        world.vouchers("Autumn", "code\nAAA\n");
        let said = world.redemptions("code,redeemed_at,order_id\nAAA,,\nAAA,now,\nAAA,2026-11-01,1.5E+9\nab,2026-11-01,\n");
        assert_eq!(said.counts(), [0, 0, 0, 4]);
        assert_eq!(world.count("redemptions"), 0);
        assert_eq!(world.dry(Kind::Redemptions, None, "code,redeemed_at\nAAA,2026-11-01\n").unwrap().counts(), [1, 0, 0, 0]);
        assert_eq!(world.count("redemptions"), 0);
    }

    fn what_the_shop_and_the_desk_disagree_on_is_noted_once(world) {
        world.vouchers("Spring", "code\nOLD-1\nNEW-1\nSTOCK-1\n");
        world.reissue("OLD-1", "NEW-1");
        let found = || world.texts("SELECT kind || ' ' || code || ' ' || order_id AS t FROM redemption_findings ORDER BY id");
        // A file of which nothing can be taken changes nothing.
        world.redemptions("code,redeemed_at,order_id\nNOBODYS-1,2026-11-21,O-0\n");
        assert_eq!(found(), Vec::<String>::new());
        let file = "code,redeemed_at,order_id\nNEW-1,2026-11-21,O-1\nSTOCK-1,2026-11-21,O-2\nNOBODYS-1,2026-11-21,O-3\nOLD-1,2026-11-21,O-4\n";
        assert_eq!(world.redemptions(file).counts(), [3, 0, 0, 1]);
        assert_eq!(found(), ["not_issued STOCK-1 O-2", "unknown NOBODYS-1 O-3", "replaced OLD-1 O-4"]);
        world.redemptions(file);
        assert_eq!(found().len(), 3, "each is noted once");
        // Before it was replaced, its use was right.
        world.vouchers("Spring", "code\nOTHER-1\n");
        assert_eq!(world.redemptions("code,redeemed_at\nNEW-1,2026-11-21\nOLD-1,2026-11-19\n").reasons().len(), 2);
        assert_eq!(found().len(), 3);
    }
}
