#!/usr/bin/env ruby
# frozen_string_literal: true

# A till of Ruby's standard library, as an adapter for `vinr-conformance client`, written along docs/certify-a-till.md.
# What it does not have it says: an op answered with `unsupported`, or one of the lines marked LACKS below.
require 'json'
require 'net/http'
require 'openssl'
require 'securerandom'
require 'uri'

$stdout.sync = true

# An answer of the adapter, by its class.
class Wrong < StandardError
  attr_reader :answer

  def initialize(kind, message, **more)
    super(message)
    @answer = { class: kind, message: message.to_s, **more }
  end
end

# Something was sent, and no answer can be relied on: look up.
class Lost < StandardError; end

# The till, and an op for each of its public methods.
class Till
  OPS = %w[hello configure discover pay retrieve resolve verify_webhook].freeze
  FINAL = %w[completed failed cancelled].freeze

  def hello(_)
    { name: 'bare-ruby', version: '1', wire: 'vinr-local/1', ops: OPS }
  end

  def configure(it)
    p12 = OpenSSL::PKCS12.new(File.binread(it['p12']), it['passphrase'])
    roots = OpenSSL::X509::Store.new.tap { |store| store.add_file(it['ca']) } # these and no others
    @it, @p12, @roots, @hosts = it, p12, roots, it['hosts'].dup
    Dir.mkdir(it['store'], 0o700) unless Dir.exist?(it['store'])
    { unresolved: open_attempts.map { |attempt| attempt['reference'] } }
  rescue OpenSSL::OpenSSLError, SystemCallError => error
    raise Wrong.new('config', error.message)
  end

  # LACKS: mDNS. [DISC-2]
  def discover(it)
    return :unsupported unless it['hosts']

    readers, left_out = [], []
    it['hosts'].each do |text|
      address = text.match?(/(\A[^:]+|\]):\d+\z/) ? text : "#{text}:8443"
      reader, id, ip = ask(nil, address, 'GET', '/v1/reader') { |status, told, name, peer| [told, name, peer] if status == 200 }
      raise Wrong.new('tls', "it says that it is #{reader['id']}, and its certificate #{id}") unless reader['id'] == id

      @hosts[id] = address
      readers << { id: id, ip: ip, model: reader['model'], status: reader['status'] }
    rescue Wrong, Lost, NoMethodError => error
      left_out << { address: text, why: error.message }
    end
    { readers: readers.sort_by { |reader| reader[:id] }.uniq { |reader| reader[:id] }, leftOut: left_out }
  end

  def pay(it)
    sale = it.slice('terminalId', 'amount', 'currency', 'reference')
    sale['captureMethod'] = it['captureMethod'] || 'automatic'
    open_attempts.select { |open| open['reference'] == it['reference'] }.each do |open|
      earlier = settled(open)
      return earlier if earlier && !%w[failed cancelled].include?(earlier['status'])
    end
    attempt(sale, retry_left: true)
  end

  def retrieve(it)
    listed = (it['terminalId'] ? [it['terminalId']] : @hosts.keys).flat_map { |terminal| look_up(terminal, it['reference'])['data'] }
    listed.find { |one| one['status'] == 'completed' } || listed.find { |one| !FINAL.include?(one['status']) } || listed.first
  rescue Wrong, Lost => error
    raise Wrong.new('indeterminate', error.message, reference: it['reference'])
  end

  def resolve(_)
    open_attempts.to_h { |open| [open['reference'], settled(open)] }
  end

  def verify_webhook(it)
    parts = it['signature'].split(',').map { |part| part.strip.split('=', 2) }
    times = parts.select { |name, _| name == 't' }.map(&:last)
    signed_now = times.size == 1 && times[0].to_s.match?(/\A\d+\z/) && (times[0].to_i - it['now']).abs <= 300
    raise Wrong.new('webhook', 'it was not signed now') unless signed_now

    tags = parts.select { |name, _| name == 'v1' }.map { |_, tag| tag.to_s }
    signed = it['secrets'].any? do |secret|
      expected = OpenSSL::HMAC.hexdigest('SHA256', secret, "#{times[0]}.#{it['body']}")
      tags.any? { |tag| OpenSSL.secure_compare(tag, expected) }
    end
    raise Wrong.new('webhook', 'no known secret signed it') unless signed

    JSON.parse(it['body'])
  end

  private

  # From its key to its end.
  def attempt(sale, retry_left:)
    terminal, reference = sale.values_at('terminalId', 'reference')
    journal = ask(terminal, nil, 'GET', '/v1/reader') { |_, told| told['journalId'] }
    attempt = { 'key' => SecureRandom.hex(16), 'sale' => sale, 'journal' => journal, 'reference' => reference, 'at' => Time.now.to_i }
    store(attempt)
    begin
      paid = ask(terminal, nil, 'POST', '/v1/pay', sale, timeout: 130, key: attempt['key']) { |status, told| told if status == 200 }
      return forget(attempt, paid) if ends?(paid, sale)

      warn 'the answer is no end'
    rescue Lost => lost
      warn "the answer was lost: #{lost.message}"
    rescue Wrong
      forget(attempt, nil)
      raise
    end
    found = settled(attempt)
    return found if found && found['status'] != 'cancelled'
    return attempt(sale, retry_left: false) if retry_left
    return found if found

    raise Wrong.new('refused', 'it was lost, and is cancelled', code: 'voided', reference: reference)
  rescue Lost => lost
    raise Wrong.new('unreachable', lost.message, reference: reference)
  end

  # Looks up, and cancels what waits. The Payment, or nil for what is void.
  def settled(attempt)
    sale, key, reference = attempt.values_at('sale', 'key', 'reference')
    until_then = now + @it.fetch('deadlineMs', 150_000) / 1000.0
    while now < until_then
      begin
        listed = look_up(sale['terminalId'], reference)
        own = listed['data'].find { |one| one['attemptKey'] == key }
        return forget(attempt, own) if ends?(own, sale)
        break if own.nil? && listed['journalId'] != attempt['journal']

        if own.nil? || %w[created pending].include?(own['status'])
          body = { terminalId: sale['terminalId'], reference: reference, attemptKey: key }
          told = ask(sale['terminalId'], nil, 'POST', '/v1/cancel', body) { |status, word| status == 200 ? word : {} }
          return forget(attempt, nil) if told['outcome'] == 'cancelled' && told['payment'].nil?
          return forget(attempt, told['payment']) if told['outcome'] != 'still_processing' && ends?(told['payment'], sale)
        end
      rescue Lost, Wrong, NoMethodError => error
        warn error.message
      end
      sleep 0.5
    end
    raise Wrong.new('indeterminate', 'the outcome is not known: do not pay again', reference: reference)
  end

  def ends?(payment, sale)
    about = payment && %w[terminalId amount currency reference].all? { |name| payment[name] == sale[name] }
    about && (FINAL.include?(payment['status']) || (payment['status'] == 'processing' && payment['offline']))
  end

  def look_up(terminal, reference)
    ask(terminal, nil, 'GET', "/v1/payments?reference=#{URI.encode_www_form_component(reference)}") do |status, told|
      raise Lost, "the look-up was answered #{status}" unless status == 200

      told
    end
  end

  # One request on a connection of its own, whose other end is checked before it hears a byte.
  def ask(terminal, address, method, path, body = nil, timeout: 5, key: nil)
    address ||= @hosts[terminal] or raise Wrong.new('unreachable', "no address of #{terminal} is known")
    host, _, port = address.rpartition(':')
    line = Net::HTTP.new(terminal || host.delete('[]'), port.to_i, nil)
    line.ipaddr = host.delete('[]')
    line.use_ssl = true
    line.min_version = OpenSSL::SSL::TLS1_3_VERSION
    line.cert_store, line.cert, line.key = @roots, @p12.certificate, @p12.key
    line.verify_hostname = !terminal.nil?
    line.open_timeout = line.ssl_timeout = 5
    line.read_timeout, line.max_retries = timeout, 0
    begin
      line.start
    rescue OpenSSL::SSL::SSLError => error
      raise Wrong.new(error.message.match?(/unexpected eof|SYSCALL/i) ? 'unreachable' : 'tls', error.message)
    rescue SystemCallError, SocketError, IOError, Timeout::Error => error
      raise Wrong.new('unreachable', error.message)
    end
    names = line.peer_cert.extensions.find { |it| it.oid == 'subjectAltName' }&.value.to_s.split(', ')
    # LACKS: the strict profile beyond the one name. [TLS-14]
    raise Wrong.new('tls', "it is #{names}") unless names.size == 1 && names[0].start_with?('DNS:') && [nil, names[0][4..]].include?(terminal)

    begin
      request = { 'GET' => Net::HTTP::Get, 'POST' => Net::HTTP::Post }[method].new(path)
      request['Content-Type'] = 'application/json' if body
      request['Idempotency-Key'] = key if key
      request.body = JSON.generate(body) if body
      answer = line.request(request)
      status, told = answer.code.to_i, JSON.parse(answer.body)
    rescue OpenSSL::SSL::SSLError => error
      raise Wrong.new('tls', error.message) if error.message.include?('alert')

      raise Lost, error.message
    rescue SystemCallError, IOError, Timeout::Error, JSON::ParserError, Net::HTTPBadResponse, Net::ProtocolError => error
      raise Lost, "#{error.class} #{error.message}"
    ensure
      line.finish if line.started?
    end
    refused(status, told) if (400..499).cover?(status)
    raise Lost, "the answer was #{status}" if status >= 500

    yield status, told, names[0][4..], line.ipaddr
  end

  def refused(_status, told)
    code = told.dig('error', 'code').to_s
    raise Wrong.new(code.start_with?('certificate_') ? 'tls' : 'refused', told.dig('error', 'message'), code: code)
  end

  def store(attempt)
    path = File.join(@it['store'], attempt['key'])
    File.open("#{path}.tmp", 'w', 0o600) do |file|
      file.write(JSON.generate(attempt))
      file.fsync
    end
    File.rename("#{path}.tmp", "#{path}.json")
    Dir.open(@it['store']) { |dir| IO.for_fd(dir.fileno, autoclose: false).fsync }
  end

  def forget(attempt, outcome)
    File.delete(File.join(@it['store'], "#{attempt['key']}.json"))
    outcome
  end

  def open_attempts
    Dir.glob(File.join(@it['store'], '*.json')).sort.map { |path| JSON.parse(File.read(path)) }
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

TILL = Till.new
SAID = Mutex.new

def answered(it)
  return { id: it['id'], unsupported: true } unless Till::OPS.include?(it['op'])

  ok = TILL.public_send(it['op'], it)
  ok == :unsupported ? { id: it['id'], unsupported: true } : { id: it['id'], ok: ok }
rescue Wrong => wrong
  more = it['reference'] ? { reference: it['reference'] } : {}
  { id: it['id'], error: { **more, **wrong.answer } }
rescue NoMethodError, TypeError, KeyError, ArgumentError => error
  { id: it['id'], error: { class: 'usage', message: "#{error.class}: #{error.message}" } }
end

working = $stdin.each_line.map do |text|
  Thread.new do
    answer = JSON.generate(answered(JSON.parse(text)))
    SAID.synchronize { $stdout.puts(answer) }
  end
end
working.each(&:join)
