namespace Skipwise.Documents;

/// <summary>
/// Reads documents from text files (.txt, .md, .tex), JSON lines (.jsonl), comma-separated values (.csv) and, if the field
/// is named, lists of JSON objects (.json), all also compressed (.gz, .zst), from Parquet files (.parquet), and folders of them.
/// </summary>
/// <example>
/// <code>
/// foreach (Document document in DocumentReader.Read(["books", "reports.jsonl.gz"], new() { Field = "body" }))
/// {
///     Console.WriteLine($"{document.Origin}: {document.Text.Length} characters");
/// }
/// </code>
/// </example>
public static class DocumentReader
{
    /// <summary>
    /// Finds the files immediately and reads them while the documents are enumerated. A folder gives its files and those of its subfolders
    /// in ordinal order of their paths. Hidden files and files of other formats are skipped (<see cref="Remarks"/> names them), and a file
    /// with several names is read once. Blank documents are skipped.
    /// </summary>
    /// <exception cref="SkipwiseException">a missing path, a file of an unknown format, a folder without documents; while enumerating:
    /// invalid UTF-8, a damaged or truncated file, an invalid row or one without the field</exception>
    public static IEnumerable<Document> Read(IEnumerable<string> paths, DocumentOptions options)
    {
        if (options.SeparatorText is "")
        {
            throw new SkipwiseException("the document separator is empty; leave it out to take each file as one document");
        }
        return DocumentFiles.Find(paths, options).SelectMany(file => Read(file, options))
            .Where(document => !string.IsNullOrWhiteSpace(document.Text));
    }

    /// <summary>The text field of each file that has fields, from the file's first row, so that the user can see the choice.</summary>
    /// <returns>each field that is used, with the first file that it was chosen for</returns>
    /// <exception cref="SkipwiseException">as <see cref="Read(IEnumerable{string}, DocumentOptions)"/></exception>
    public static IReadOnlyList<(string Field, string File)> TextFields(IEnumerable<string> paths, DocumentOptions options) =>
    [
        .. DocumentFiles.Find(paths, options)
            .Where(file => DocumentFiles.KindOf(file) is not DocumentKind.Text)
            .Select(file => (Read(file, options).FirstOrDefault()?.Field, File: file))
            .Where(choice => choice.Field is not null)
            .Select(choice => (choice.Field!, choice.File))
            .DistinctBy(choice => choice.Item1),
    ];

    /// <summary>Notes for the user about the files of the paths: files that are not read, and files that are given twice.</summary>
    /// <exception cref="SkipwiseException">as <see cref="Read(IEnumerable{string}, DocumentOptions)"/></exception>
    public static IReadOnlyList<string> Remarks(IEnumerable<string> paths, DocumentOptions options)
    {
        var remarks = new List<string>();
        DocumentFiles.Find(paths, options, remarks);
        return remarks;
    }

    private static IEnumerable<Document> Read(string file, DocumentOptions options) => DocumentFiles.KindOf(file) switch
    {
        DocumentKind.JsonLines => JsonDocuments.Read(JsonRows.Lines(file, options.Limits), options.Field),
        DocumentKind.Json => JsonDocuments.Read(JsonRows.Values(file, options.Limits), options.Field),
        DocumentKind.Csv => CsvTable.Documents(file, options.Field, options.Limits),
        DocumentKind.Parquet => ParquetDocuments(file, options.Field),
        _ => TextFiles.Read(file, options.SeparatorText, options.Limits),
    };

    private static IEnumerable<Document> ParquetDocuments(string file, string? field)
    {
        OptionalPackage.Require("ParquetSharp", file, "Parquet files");
        return ParquetFile.Documents(file, field);
    }
}
