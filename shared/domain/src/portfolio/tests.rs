use super::*;

fn targets(fractions: &[(InstrumentType, &str)]) -> Result<Targets, PortfolioError> {
    Targets::new(fractions.iter().map(|(kind, text)| (*kind, Fraction::parse(text).unwrap())).collect())
}

#[test]
fn a_name_is_trimmed_and_bounded() {
    assert_eq!(PortfolioName::parse("  Retirement \n").unwrap().to_string(), "Retirement");
    assert_eq!(PortfolioName::parse(" \t"), Err(PortfolioError::NameEmpty));
    assert!(PortfolioName::parse(&"ä".repeat(100)).is_ok());
    assert_eq!(PortfolioName::parse(&"a".repeat(101)), Err(PortfolioError::NameTooLong));
    assert_eq!(PortfolioName::parse("a\u{7}b"), Err(PortfolioError::NameWithControlCharacter));
}

#[test]
fn targets_sum_to_one_exactly_where_floats_would_not() {
    let tenths: Vec<_> =
        [InstrumentType::Stock, InstrumentType::Etf, InstrumentType::Bond].map(|kind| (kind, "0.1")).into();
    let rest = (InstrumentType::Fund, "0.7");
    assert!(targets(&[tenths.clone(), vec![rest]].concat()).is_ok());
    let sum = "0.3".parse().unwrap();
    assert_eq!(targets(&tenths), Err(PortfolioError::TargetsSum { sum }));
    assert_eq!(targets(&[]), Err(PortfolioError::TargetsSum { sum: Decimal::ZERO }));
}

#[test]
fn fractions_and_risk_levels_are_bounded() {
    for text in ["1.1", "-0.1", "0.1234567", "NaN", "", "60%"] {
        assert_eq!(Fraction::parse(text), Err(PortfolioError::Fraction), "{text}");
    }
    assert_eq!(Fraction::parse("0.6").unwrap(), Fraction::parse("0.60").unwrap());
    assert!(RiskLevel::new(0).is_err() && RiskLevel::new(8).is_err() && RiskLevel::new(7).is_ok());
}

#[test]
fn aims_survive_a_round_trip() {
    let aims = InvestmentAims {
        risk: RiskLevel::new(4).unwrap(),
        horizon_years: 12,
        loss_capacity: Fraction::parse("0.333333").unwrap(),
        targets: targets(&[(InstrumentType::Stock, "0.6"), (InstrumentType::Bond, "0.4")]).unwrap(),
    };
    let json = serde_json::to_string(&aims).unwrap();
    let expected = r#"{"risk":4,"horizon_years":12,"loss_capacity":0.333333,"targets":{"stock":0.6,"bond":0.4}}"#;
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<InvestmentAims>(&json).unwrap(), aims);
    assert!(serde_json::from_str::<InvestmentAims>(&json.replace("0.6", "0.7")).is_err());
}

#[test]
fn kinds_of_account_have_their_usual_names() {
    for (kind, name) in [(PortfolioType::EmployerPlan, "401k"), (PortfolioType::RothIra, "roth_ira")] {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{name}\""));
    }
    assert_eq!(LotMethod::default(), LotMethod::Fifo);
}
