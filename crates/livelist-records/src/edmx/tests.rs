use super::*;

/// All three spellings of an enumeration, an alias, a base type, a vendor's namespace.
const DOCUMENT: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<!-- a comment -->
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Vendor.Enums" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="StandardStatus"><Member Name="Active"/></EnumType>
  <EnumType Name="View" IsFlags="true"/>
  <TypeDefinition Name="Money" UnderlyingType="Edm.Decimal"/>
</Schema>
<Schema Namespace="Vendor.DD" Alias="Self">
  <EntityType Name="Base" Abstract="true"><Key><PropertyRef Name="Id"/></Key>
    <Property Name="Id" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="PropertyType" BaseType="Self.Base">
    <Property Name="StandardStatus" Type="Vendor.Enums.StandardStatus"/>
    <Property Name="MlsStatus" Type="Edm.String" MaxLength="50">
      <Annotation Term="RESO.OData.Metadata.LookupName" String="MlsStatus"/></Property>
    <Property Name="View" Type="Collection(Vendor.Enums.View)"/>
    <Property Name="ListPrice" Type="Vendor.Enums.Money" Precision="14" Scale="2"/>
    <Property Name="Beds" Type="Edm.Int32"/><Property Name="Pool" Type="Edm.Boolean"/>
    <Property Name="Closed" Type="Edm.Date"/><Property Name="At" Type="Edm.TimeOfDay"/>
    <Property Name="ModificationTimestamp" Type="Edm.DateTimeOffset" Precision="27"/>
    <Property Name="Where" Type="Edm.GeographyPoint"/><Property Name="Odd" Type="Vendor.DD.Nowhere"/>
    <Property Name="A&amp;B" Type="Edm.String"/>
    <NavigationProperty Name="Media" Type="Collection(Vendor.DD.Media)"/>
    <NavigationProperty Name="ListAgent" Type="Self.Member"/>
  </EntityType>
  <ComplexType Name="Address"><Property Name="Street" Type="Edm.String"/></ComplexType>
  <EntityType Name="Media"/>
  <EntityContainer Name="Container">
    <EntitySet Name="Property" EntityType="Self.PropertyType"/>
    <EntitySet Name="Lost" EntityType="Vendor.DD.Nothing"/>
  </EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"#;

#[test]
fn a_resource_is_found_through_its_entity_set() {
    let schema = Metadata::read(DOCUMENT.as_bytes())
        .unwrap()
        .schema("Property")
        .unwrap();
    assert_eq!(schema.key, ["Id"]);
    let kinds: Vec<(&str, Kind)> = schema
        .fields
        .iter()
        .map(|f| (f.name.as_str(), f.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("Id", Kind::Text),
            ("StandardStatus", Kind::Text),
            ("MlsStatus", Kind::Text),
            ("View", Kind::Json),
            ("ListPrice", Kind::Decimal),
            ("Beds", Kind::Integer),
            ("Pool", Kind::Boolean),
            ("Closed", Kind::Date),
            ("At", Kind::Time),
            ("ModificationTimestamp", Kind::Instant),
            ("Where", Kind::Json),
            ("Odd", Kind::Json),
            ("A&B", Kind::Text),
        ]
    );
    let navigations: Vec<(&str, &str, bool)> = schema
        .navigations
        .iter()
        .map(|n| (n.name.as_str(), n.target.as_str(), n.is_collection))
        .collect();
    assert_eq!(
        navigations,
        [("Media", "Media", true), ("ListAgent", "Member", false)]
    );
}

#[test]
fn what_is_missing_is_named_with_what_is_there() {
    let metadata = Metadata::read(DOCUMENT.as_bytes()).unwrap();
    let error = metadata.schema("Office").unwrap_err().to_string();
    assert_eq!(
        error,
        "the metadata has no entity set `Office`; it has Lost, Property"
    );
    // An entity set whose type is not there is none.
    assert!(metadata.schema("Lost").is_err());
    // Without an entity set, the type of this name.
    assert_eq!(metadata.schema("Media").unwrap().fields, []);
}

#[test]
fn what_is_no_metadata_is_an_error() {
    for (text, expected) in [
        ("", "the metadata is not XML: there is no element"),
        (
            "{\"value\": []}",
            "the metadata is not XML: there is no element",
        ),
        (
            "<html></html>",
            "the metadata describes no entity types; its first element is `html`",
        ),
        (
            &DOCUMENT[..900],
            "the metadata is not XML: it ends too early",
        ),
    ] {
        let error = Metadata::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(matches!(
        Metadata::read(b"<a></b>"),
        Err(MetadataError::Xml(_))
    ));
    let deep = "<a>".repeat(MAX_DEPTH + 1);
    assert!(Metadata::read(deep.as_bytes()).is_err());
}

#[test]
fn an_expansion_is_a_navigation_or_a_property_of_records() {
    let xml = br#"<Edmx><Schema Namespace="V">
      <EntityType Name="Property"><Key><PropertyRef Name="ListingKey"/></Key>
        <Property Name="ListingKey" Type="Edm.String"/>
        <Property Name="Media" Type="Collection(V.Photo)"/>
        <NavigationProperty Name="Rooms" Type="Collection(V.PropertyRooms)"/>
        <NavigationProperty Name="Lost" Type="Collection(V.Nowhere)"/></EntityType>
      <ComplexType Name="Photo"><Property Name="MediaURL" Type="Edm.String"/></ComplexType>
      <EntityType Name="PropertyRooms"><Key><PropertyRef Name="RoomKey"/></Key>
        <Property Name="RoomKey" Type="Edm.String"/></EntityType></Schema></Edmx>"#;
    let metadata = Metadata::read(xml).unwrap();
    let schema = metadata.schema("Property").unwrap();
    let photos = metadata.child(&schema, "Media").unwrap();
    assert_eq!((photos.resource.as_str(), photos.key.len()), ("Media", 0));
    assert_eq!(photos.fields[0].name, "MediaURL");
    assert_eq!(metadata.child(&schema, "Rooms").unwrap().key, ["RoomKey"]);
    for name in ["Medium", "ListingKey", "Lost"] {
        let told = metadata.child(&schema, name).unwrap_err().to_string();
        assert!(
            told.contains(name) && told.contains("Rooms, Lost"),
            "{told}"
        );
    }
    assert!(metadata.schema("Photo").is_err());
}
