using System.Text;
using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Results;

/// <summary>
/// Trials as JSON lines, each appended as soon as it is done: the record of a measurement, and what an interrupted one continues from.
/// A reply is found again by <see cref="ITrial.CacheKey"/>, so a later run takes from the file whatever still holds: with another seed,
/// other lengths or more trials only what is new is asked, with another model everything. One run at a time.
/// </summary>
public sealed class TrialFile<TTrial> : IDisposable where TTrial : class, ITrial
{
    private readonly string _path;
    private readonly Dictionary<string, TTrial> _known = [];
    private StreamWriter? _writer;

    /// <param name="path">a new file, or one of an earlier run; a last line without its end, as a crash leaves it, is dropped</param>
    /// <param name="model">a number of the model that replies, with all that its replies depend on besides their prompts</param>
    /// <exception cref="SkipwiseException">the file cannot be read or written, or holds something else than trials of this kind; it is then
    /// left as it is</exception>
    public TrialFile(string path, ulong model)
    {
        (_path, Model) = (path, model);
        FileStream? stream = null;
        try
        {
            InputFile.RequireFile(path);
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            stream.SetLength(LoadExisting(stream));
            stream.Position = stream.Length;
            _writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
            {
                AutoFlush = true,
                NewLine = "\n"
            };
        }
        catch (Exception e)
        {
            stream?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: cannot be opened: {e.Message}. Name another file, or end the run that uses it", e);
            }
            throw;
        }
    }

    /// <summary>a number of the model that replies</summary>
    public ulong Model { get; }

    /// <summary>The key of a reply.</summary>
    /// <param name="prompt">token ids</param>
    /// <param name="terms">what else it depends on: limit and end tokens of a generated answer, or the ids of a given one</param>
    public string Key(ReadOnlySpan<int> prompt, params ReadOnlySpan<int> terms) => TrialCacheKey.Compute(Model, prompt, terms);

    /// <summary>The trial of an earlier run with this key, or null.</summary>
    public TTrial? Find(string key) => _known.GetValueOrDefault(key);

    /// <summary>Appends a trial and flushes it.</summary>
    public void Append(TTrial trial) => _writer!.WriteLine(EvaluationJson.ToJsonLine(trial));

    /// <summary>Writes the trials of a whole measurement in their order, and nothing else.</summary>
    public void Complete(IEnumerable<TTrial> trials)
    {
        Dispose();
        AtomicFile.Write(_path, file =>
        {
            foreach (TTrial trial in trials)
            {
                file.Write(Encoding.UTF8.GetBytes(EvaluationJson.ToJsonLine(trial) + "\n"));
            }
        });
    }

    public void Dispose()
    {
        _writer?.Dispose();
        _writer = null;
    }

    /// <returns>where the last complete line ends</returns>
    private long LoadExisting(FileStream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        ReadOnlySpan<byte> bytes = copy.GetBuffer().AsSpan(0, (int)copy.Length);
        int end = bytes.LastIndexOf((byte)'\n') + 1, line = 0;
        for (int start = 0, length; start < end; start += length + 1, line++)
        {
            length = bytes[start..].IndexOf((byte)'\n');
            TTrial trial;
            try
            {
                trial = EvaluationJson.Parse<TTrial>(Encoding.UTF8.GetString(bytes.Slice(start, length)));
            }
            catch (JsonException e)
            {
                throw Foreign(line, e.Message, e);
            }
            _known.TryAdd(trial.CacheKey ?? throw Foreign(line, "it has no \"cache_key\"."), trial);
        }
        return bytes.Length > 0 && end == 0 ? throw Foreign(0, "it has no line end.") : end;
    }

    private SkipwiseException Foreign(int line, string why, Exception? inner = null)
    {
        string message =
            $"{_path}, line {line + 1}: not a trial of this test: {why.TrimEnd('.')}. The file would be overwritten: name another one, " +
            $"or remove it";
        return inner is null ? new(message) : new(message, inner);
    }
}
