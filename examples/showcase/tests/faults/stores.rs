//! What is seen alike on every store that a proxy can stand in front of.

/// A test a sentence, for the store, which is needed by this name.
macro_rules! faults {
    ($store:expr, $needs:literal) => {
        #[tokio::test]
        #[ignore = $needs]
        async fn without_its_store_the_program_starts_and_finds_it_by_itself() {
            tokio::join!(
                $crate::outage::at_start($store, portcullis_support::Fault::Cut),
                $crate::outage::at_start($store, portcullis_support::Fault::Hang)
            );
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn a_store_that_is_cut_is_503_and_the_credential_works_again() {
            $crate::outage::mid_request($store, portcullis_support::Fault::Cut).await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn a_store_that_hangs_is_503_by_the_deadline_and_the_credential_works_again() {
            tokio::join!(
                $crate::outage::mid_request($store, portcullis_support::Fault::Hang),
                $crate::outage::mid_request($store, portcullis_support::Fault::HangRequests),
                $crate::outage::mid_request($store, portcullis_support::Fault::HangReplies)
            );
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn connections_that_are_silent_for_ever_are_503_by_the_deadline_and_soon_replaced() {
            tokio::join!(
                $crate::outage::forgotten($store, true),
                $crate::outage::forgotten($store, false)
            );
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn a_slow_store_is_503_past_the_deadline_and_slow_before() {
            tokio::join!(
                $crate::outage::mid_request(
                    $store,
                    portcullis_support::Fault::Delay(std::time::Duration::from_secs(3))
                ),
                $crate::outage::only_slow($store)
            );
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn a_log_out_during_an_outage_is_503_and_not_done() {
            tokio::join!(
                $crate::outage::log_out($store),
                $crate::outage::log_out_without_reply($store)
            );
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn f6_a_store_that_goes_away_amid_refreshes_logs_nobody_out_and_what_was_ended_stays_so() {
            $crate::outage::amid_refreshes($store).await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn a_thousand_requests_of_a_store_that_hangs_leave_memory_flat_and_other_routes_served() {
            $crate::outage::memory($store).await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn k2_a_client_that_resets_mid_log_in_leaves_it_done_or_undone() {
            let stage = $crate::stage::Stage::start($store).await;
            let (showcase, site) = stage.ready().await;
            let (backend, proxy) = ($store.bearer(), Some(&stage.proxy));
            $crate::reset::mid_log_in(&showcase, &site, backend, proxy, async || {
                stage.tokens().await
            })
            .await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn k2_a_client_that_resets_mid_log_out_leaves_it_done_or_undone() {
            let stage = $crate::stage::Stage::start($store).await;
            let (showcase, site) = stage.ready().await;
            let tokens = async || stage.tokens().await;
            $crate::reset::mid_log_out(&showcase, &site, $store.bearer(), tokens).await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn k2_a_client_that_resets_mid_refresh_or_mid_rotation_still_holds_what_is_good() {
            let stage = $crate::stage::Stage::start($store).await;
            let (showcase, site) = stage.ready().await;
            $crate::reset::mid_refresh(&showcase, &site, Some(&stage.proxy)).await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn what_was_acknowledged_outlives_the_program_when_it_is_killed_under_load() {
            let stage = $crate::stage::Stage::start($store).await;
            let (showcase, site) = stage.ready().await;
            let emails = async |_: &_| stage.emails().await;
            $crate::restart::of_the_program(showcase, site, $store.bearer(), emails).await;
        }

        #[tokio::test]
        #[ignore = $needs]
        async fn log_ins_and_changes_and_the_end_of_one_user_at_once_are_done_or_503() {
            $crate::contention::crowded_user($store).await;
        }
    };
}

pub(crate) use faults;
