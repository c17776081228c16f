using System.Text.Json;
using System.Text.Json.Serialization;

namespace Skipwise.Storage;

/// <summary>JSON options of all results: snake_case names, null members omitted, a missing required member is an error.</summary>
internal static class ReportJson
{
    /// <summary>one object per line</summary>
    public static JsonSerializerOptions Line { get; } = Options(indented: false);

    /// <summary>for files that people read</summary>
    public static JsonSerializerOptions Indented { get; } = Options(indented: true);

    private static JsonSerializerOptions Options(bool indented)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            // JSON has no NaN and Infinity, so they become strings; a diverged run must still write its log.
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
