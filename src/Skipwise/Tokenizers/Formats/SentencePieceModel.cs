using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads a SentencePiece file tokenizer.model of the BPE kind (Llama, Llama 2, Baichuan; the message is ModelProto of
/// sentencepiece_model.proto). <see cref="SentencePieceBpe"/> makes a tokenizer of its pieces.
/// </summary>
internal sealed class SentencePieceModel
{
    private readonly List<TokenizerPiece> _pieces = [];
    private int _modelType = 1; // the format's default: Unigram
    private int _bosId = 1;
    private int _eosId = 2;
    private int _padId = -1;
    private bool _byteFallback;
    private bool _whitespaceAsSuffix;
    private bool _addDummyPrefix = true;
    private bool _removeExtraWhitespaces = true;
    private bool _escapeWhitespaces = true;
    private bool _hasCharacterMap;
    private bool _hasNormalizer;

    /// <summary>Loads a tokenizer.model.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read or is no such model</exception>
    public static BpeTokenizer Load(string path, TokenizerSettings settings)
    {
        try
        {
            return SentencePieceBpe.Create(new SentencePieceModel(InputFile.ReadBytes(path)).Model, settings);
        }
        catch (FormatException e)
        {
            throw new SkipwiseException($"{path}: not a SentencePiece BPE model that Skipwise reads: {e.Message}", e);
        }
    }

    private SentencePieceModel(ReadOnlySpan<byte> file)
    {
        var model = new ProtobufReader(file);
        while (model.Read())
        {
            switch (model.Field)
            {
                case 1:
                    _pieces.Add(ReadPiece(model.Bytes));
                    break;
                case 2:
                    ReadTrainer(model.Bytes);
                    break;
                case 3:
                    ReadNormalizer(model.Bytes);
                    break;
            }
        }
        Require(_pieces.Count > 0, "it holds no pieces");
        Require(_modelType == 2,
            $"its model type is {_modelType} ({NameOf(_modelType)}), and only BPE (2) is read (the type comes after the pieces: a cut " +
            $"file may lack it)");
        Require(_hasNormalizer, "its normalizer is missing; the file may be cut");
        Require(!_hasCharacterMap, "its normalizer rewrites characters; only the identity is read (--normalization_rule_name=identity)");
        Require(!_whitespaceAsSuffix, "it treats white space as a suffix");
    }

    /// <summary>The pieces with the settings, not yet overridden by tokenizer_config.json.</summary>
    private TokenizerModel Model => new()
    {
        Kind = TokenizerKind.SentencePieceBpe,
        Pieces = _pieces,
        HasScores = true,
        HasByteFallback = _byteFallback,
        AddsPrefixSpace = _addDummyPrefix,
        RemovesExtraWhitespace = _removeExtraWhitespaces,
        EscapesWhitespace = _escapeWhitespaces,
        BosId = Existing(_bosId),
        EosId = Existing(_eosId),
        PadId = Existing(_padId),
        AddsBos = true,
    };

    private int? Existing(int id) => id >= 0 && id < _pieces.Count ? id : null; // -1 means none

    private static string NameOf(int modelType) => modelType switch { 1 => "Unigram", 3 => "Word", 4 => "Char", _ => "unknown" };

    private static TokenizerPiece ReadPiece(ReadOnlySpan<byte> message)
    {
        string text = "";
        float score = 0;
        int type = (int)TokenType.Normal;
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 1: text = reader.Text; break;
                case 2: score = reader.Single; break;
                case 3: type = reader.Number; break;
            }
        }
        Require(Enum.IsDefined((TokenType)type), $"\"{text}\" is a piece of unknown type {type}");
        return new TokenizerPiece(text, (TokenType)type, score);
    }

    private void ReadTrainer(ReadOnlySpan<byte> message)
    {
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 3: _modelType = reader.Number; break;
                case 24: _whitespaceAsSuffix = reader.Truth; break;
                case 35: _byteFallback = reader.Truth; break;
                case 41: _bosId = reader.Number; break;
                case 42: _eosId = reader.Number; break;
                case 43: _padId = reader.Number; break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> message)
    {
        _hasNormalizer = true;
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 2: _hasCharacterMap = reader.Bytes.Length > 0; break;
                case 3: _addDummyPrefix = reader.Truth; break;
                case 4: _removeExtraWhitespaces = reader.Truth; break;
                case 5: _escapeWhitespaces = reader.Truth; break;
            }
        }
    }

    private static void Require(bool condition, string complaint)
    {
        if (!condition)
        {
            throw new FormatException(complaint);
        }
    }
}
