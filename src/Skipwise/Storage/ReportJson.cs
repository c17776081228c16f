using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skipwise.Storage;

/// <summary>How every result is written: snake_case names, absent members left out, a missing required member is an error.</summary>
internal static class ReportJson
{
    /// <summary>one object per line</summary>
    public static JsonSerializerOptions Line { get; } = Options(indented: false);

    /// <summary>for a file that people open</summary>
    public static JsonSerializerOptions Indented { get; } = Options(indented: true);

    private static JsonSerializerOptions Options(bool indented)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            // A diverged run must still leave its log: NaN and Infinity have no JSON number, they become strings.
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            RespectRequiredConstructorParameters = true,
            RespectNullableAnnotations = true,
            AllowDuplicateProperties = false,
            WriteIndented = indented,
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
