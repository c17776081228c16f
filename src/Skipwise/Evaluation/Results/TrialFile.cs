using System.Text;
using System.Text.Json;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Results;

/// <summary>
/// A file of trials as JSON lines, each appended as soon as it is done, from which an interrupted evaluation continues.
/// Responses are found by <see cref="ITrial.CacheKey"/>, so a later run with another seed, other lengths or more trials computes only the
/// new ones. One run at a time.
/// </summary>
public sealed class TrialFile<TTrial> : IDisposable where TTrial : class, ITrial
{
    private readonly string _path;
    private readonly Dictionary<string, TTrial> _known = [];
    private StreamWriter? _writer;

    /// <summary>Opens or creates a trial file.</summary>
    /// <param name="path">a new file, or one of an earlier run; an incomplete last line (after a crash) is dropped</param>
    /// <param name="model">fingerprint of the model and of everything besides the prompt that its responses depend on</param>
    /// <exception cref="SkipwiseException">the file cannot be read or written, or does not hold trials of this kind; it is left
    /// unchanged</exception>
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

    /// <summary>fingerprint of the model</summary>
    public ulong Model { get; }

    /// <summary>The key of a response.</summary>
    /// <param name="prompt">token ids</param>
    /// <param name="terms">what else it depends on: limit and stop tokens of a generated answer, or the ids of a given one</param>
    public string Key(ReadOnlySpan<int> prompt, params ReadOnlySpan<int> terms) => TrialCacheKey.Compute(Model, prompt, terms);

    /// <summary>The trial of an earlier run with this key, or null.</summary>
    public TTrial? Find(string key) => _known.GetValueOrDefault(key);

    /// <summary>Appends a trial and flushes it.</summary>
    public void Append(TTrial trial) => _writer!.WriteLine(EvaluationJson.ToJsonLine(trial));

    /// <summary>Replaces the file's content by the trials of a whole evaluation, in their order.</summary>
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

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer?.Dispose();
        _writer = null;
    }

    /// <returns>the end of the last complete line</returns>
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
