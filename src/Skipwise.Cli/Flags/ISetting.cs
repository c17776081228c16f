namespace Skipwise.Cli.Flags;

/// <summary>An option whose default can be written down, and which texts of the library name by the properties that it sets.</summary>
internal interface ISetting
{
    /// <summary>the default as a user would type it; null when leaving the option out has no such words</summary>
    string? DefaultText { get; }

    /// <summary>properties that the option sets (<see cref="OptionName"/>), each with what a user calls it: the option's name, and what of
    /// its value sets the property if that is not all</summary>
    Dictionary<string, string> Properties { get; }
}
