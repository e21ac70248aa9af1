//! The compiled list can be read, and what cannot be read is told with its line.

use super::*;

fn region(name: &str) -> Region {
    name.to_owned().try_into().unwrap()
}

#[test]
fn the_compiled_list_has_a_price_of_every_kind() {
    let list = of_region(&region("us-east-1")).unwrap();
    for (kind, _) in KINDS {
        assert!(list.rates.keys().any(|rate| rate.split(' ').next() == Some(kind)), "no price of the kind {kind}");
    }
    // What they are is AWS's: a refresh must break no test.
    assert!(list.instance("t3.medium").is_some() && list.instance("m9z.large").is_none());
    assert!(list.volume(VolumeType::Gp3).is_some() && list.throughput(VolumeType::Gp2).is_none());
    assert!(list.iops(VolumeType::Io2, 3).is_some() && list.iops(VolumeType::Io1, 2).is_none());
}

#[test]
fn every_region_has_where_each_offer_is_from() {
    for list in LISTS.iter() {
        for offer in Offer::ALL {
            let source = list.source(offer).unwrap();
            assert!(source.published <= source.read && !source.from.is_empty(), "{}: {offer}", list.region);
        }
    }
}

#[test]
fn another_regions_prices_are_not_taken() {
    assert_eq!(of_region(&region("eu-west-9")), None);
    let two =
        "region a\noffer AmazonVPC published 2026-01-02 read 2026-01-03 from x y\naddress in-use 0.005\nregion b\n";
    let lists = parse(two).unwrap();
    assert_eq!((lists[0].address(), lists[1].address()), (Some(0.005), None));
    assert_eq!(lists[0].source(Offer::Vpc).unwrap().from, "x y");
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let offer = "region a\noffer AmazonVPC published 2026-01-02 read 2026-01-03 from x\n";
    let wrong = [
        ("address in-use 0.005".to_owned(), "it is of no region"),
        (format!("{offer}region a"), "the region was there before"),
        (format!("{offer}offer AmazonVPC published 2026-01-02 read 2026-01-03 from x"), "the offer was there before"),
        (format!("{offer}offer AmazonVPC yesterday"), "an offer says `published DATE read DATE from WORDS`"),
        (format!("{offer}offer AmazonS3 published 2026-01-02 read 2026-01-03 from x"), "no such offer is used"),
        (format!("{offer}offer AmazonEC2 published 2026-13-02 read 2026-01-03 from x"), "a date is YYYY-MM-DD"),
        (format!("{offer}volume gp3 0.08"), "its offer is not named before it"),
        (format!("{offer}adress in-use 0.005"), "there is no such kind of price"),
        (format!("{offer}address in-use free"), "a price is a number above 0"),
        (format!("{offer}address in-use 0"), "a price is a number above 0"),
        (format!("{offer}address in-use 0.005\naddress in-use 0.006"), "the price was there before"),
        (format!("{offer}address"), "it is none of `region`, `offer` and a price"),
    ];
    for (text, what) in wrong {
        let error = parse(&text).unwrap_err();
        assert_eq!((error.what, error.line), (what, text.lines().count()), "{text}");
    }
}
