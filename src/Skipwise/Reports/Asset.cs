namespace Skipwise.Reports;

/// <summary>Embedded files of the reports.</summary>
internal static class Asset
{
    public const string Font = "plot-font.ttf";
    public const string StyleSheet = "report.css";

    public static byte[] Bytes(string name)
    {
        using Stream stream = typeof(Asset).Assembly.GetManifestResourceStream(name)!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    public static string Text(string name) => System.Text.Encoding.UTF8.GetString(Bytes(name));
}
